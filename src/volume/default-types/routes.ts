// `/default-types` (3.62): the type of a project's volumes that name none.
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { requiredName } from '#volume/required-name.ts';
import { strict } from '#volume/schema-types.ts';
import { Type } from 'typebox';
import { TypeNotFound } from '../types/errors.ts';
import { findType } from '../types/store.ts';
import {
  findProjectDefault,
  listProjectDefaults,
  removeProjectDefault,
  saveProjectDefault,
} from './store.ts';

export const defaultTypePolicies: readonly PolicyRule[] = [
  rule('volume_extension:default_set_or_update', ADMIN, 'Set the default volume type of a project.'),
  rule('volume_extension:default_get', ADMIN, 'Show the default volume type of a project.'),
  rule('volume_extension:default_get_all', ADMIN, 'List the default volume types of projects.'),
  rule('volume_extension:default_unset', ADMIN, 'Remove the default volume type of a project.'),
];

const setDefault = Type.Object({ default_type: Type.Object({ volume_type: requiredName }, strict) }, strict);

async function list(_call: Call, { db }: VolumeDeps): Promise<unknown> {
  return { default_types: await listProjectDefaults(db.kysely) };
}

async function show(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const project_id = call.params['id'] ?? '';
  const volume_type_id = await findProjectDefault(db.kysely, project_id);
  if (volume_type_id === undefined) throw new ResourceNotFound('Default type of project', project_id);
  return { default_type: { project_id, volume_type_id } };
}

async function save(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const project_id = (call.params['id'] ?? '').slice(0, 255);
  const wanted = (call.body as { default_type: { volume_type: string } }).default_type.volume_type;
  const row = await db.transaction(async (trx) => {
    const type = await findType(trx, wanted, { projectId: project_id, all: false }, { byName: true });
    if (!type) throw new TypeNotFound(wanted);
    const saved = { project_id, volume_type_id: type.id };
    await saveProjectDefault(trx, saved);
    return saved;
  });
  return { default_type: row };
}

async function remove(call: Call, { db }: VolumeDeps): Promise<void> {
  await removeProjectDefault(db.kysely, call.params['id'] ?? '');
}

const path = '/default-types';
const since = '3.62';
const allow = (name: string): string => `volume_extension:default_${name}`;

export const defaultTypeRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: list, policy: allow('get_all'), since },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: allow('get'), since },
  {
    method: 'PUT',
    path: `${path}/:id`,
    handler: save,
    policy: allow('set_or_update'),
    body: setDefault,
    since,
  },
  {
    method: 'DELETE',
    path: `${path}/:id`,
    handler: remove,
    policy: allow('unset'),
    success: 204,
    since,
  },
];
