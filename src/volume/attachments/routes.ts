// Routes of the attachments API.
import { Type } from 'typebox';
import type { VolumeRoute } from '#volume/deps.ts';
import { emptyAction, orNull, strict, uuidSchema } from '#volume/schema-types.ts';
import { connectorSchema } from '#volume/volumes/schema.ts';
import { completeAttachment } from './actions/os-complete.ts';
import { showEncryptionSecret } from './encryption-secret.ts';
import { create, listBrief, listDetail, remove, show, update } from './handlers.ts';

const since = '3.27';
const fields = {
  volume_uuid: uuidSchema,
  instance_uuid: Type.Optional(orNull(uuidSchema)),
  connector: Type.Optional(orNull(connectorSchema)),
};
const createBody = Type.Object({ attachment: Type.Object(fields, strict) }, strict);
const createBody354 = Type.Object(
  { attachment: Type.Object({ ...fields, mode: Type.Optional(orNull(Type.Enum(['rw', 'ro']))) }, strict) },
  strict,
);
const updateBody = Type.Object({ attachment: Type.Object({ connector: connectorSchema }, strict) }, strict);

export const attachmentRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/attachments', handler: listBrief, policy: 'volume:attachment_get', since },
  { method: 'GET', path: '/attachments/detail', handler: listDetail, policy: 'volume:attachment_get', since },
  {
    method: 'POST',
    path: '/attachments',
    handler: create,
    since,
    body: [{ schema: createBody }, { since: '3.54', schema: createBody354 }],
    errors: [503, 504],
  },
  { method: 'GET', path: '/attachments/:id', handler: show, since },
  { method: 'PUT', path: '/attachments/:id', handler: update, body: updateBody, since, errors: [503, 504] },
  { method: 'DELETE', path: '/attachments/:id', handler: remove, since },
  {
    method: 'GET',
    path: '/attachments/:id/encryption-secret',
    handler: showEncryptionSecret,
    since,
    errors: [503],
  },
  {
    method: 'POST',
    path: '/attachments/:id/action',
    since: '3.44',
    actions: [
      { key: 'os-complete', handler: completeAttachment, body: emptyAction('os-complete'), success: 204 },
    ],
  },
];
