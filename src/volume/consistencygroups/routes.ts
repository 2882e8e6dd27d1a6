// `/consistencygroups`: the API that groups came from. Its rules are those of groups.
import { Type, type TProperties, type TSchema } from 'typebox';
import type { VolumeRoute } from '#volume/deps.ts';
import { booleanSchema, nameSchema, orNull, strict, uuidSchema } from '#volume/schema-types.ts';
import { create, createFromSource, listBrief, listDetail, remove, show, update } from './handlers.ts';

const named = {
  name: Type.Optional(orNull(nameSchema)),
  description: Type.Optional(orNull(nameSchema)),
};
const list = Type.Optional(orNull(Type.String({ maxLength: 10_000, pattern: '^[^\\u0000]*$' })));
/** What clients send and nobody reads: whose it is, and a status. */
const unread = {
  user_id: Type.Optional(orNull(nameSchema)),
  project_id: Type.Optional(orNull(nameSchema)),
  status: Type.Optional(orNull(nameSchema)),
};
const body = (key: string, fields: TProperties): TSchema =>
  Type.Object({ [key]: Type.Object(fields, strict) }, strict);

const createBody = body('consistencygroup', {
  ...named,
  ...unread,
  volume_types: list,
  availability_zone: Type.Optional(orNull(nameSchema)),
});
const fromSourceBody = body('consistencygroup-from-src', {
  ...named,
  ...unread,
  cgsnapshot_id: Type.Optional(orNull(uuidSchema)),
  source_cgid: Type.Optional(orNull(uuidSchema)),
});
const updateBody = body('consistencygroup', { ...named, add_volumes: list, remove_volumes: list });
const removeBody = body('consistencygroup', { force: Type.Optional(booleanSchema) });

const path = '/consistencygroups';
const policy = 'group:get_all';
const success = 202;

export const consistencyGroupRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: listBrief, policy },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy },
  { method: 'POST', path, handler: create, body: createBody, success, errors: [413] },
  {
    method: 'POST',
    path: `${path}/create_from_src`,
    handler: createFromSource,
    body: fromSourceBody,
    success,
    errors: [413],
  },
  { method: 'GET', path: `${path}/:id`, handler: show },
  { method: 'PUT', path: `${path}/:id`, handler: update, body: updateBody, success },
  { method: 'PUT', path: `${path}/:id/update`, handler: update, body: updateBody, success },
  { method: 'POST', path: `${path}/:id/delete`, handler: remove, body: removeBody, success },
];
