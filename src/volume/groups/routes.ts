// `/groups` (3.13): volumes that are snapshotted, cloned and deleted together.
import { Type, type TSchema } from 'typebox';
import type { VolumeAction, VolumeRoute } from '#volume/deps.ts';
import { requiredName } from '#volume/required-name.ts';
import { booleanSchema, nameSchema, orNull, strict, uuidSchema } from '#volume/schema-types.ts';
import { disableReplication } from './actions/disable_replication.ts';
import { enableReplication } from './actions/enable_replication.ts';
import { failoverReplication } from './actions/failover_replication.ts';
import { listReplicationTargets } from './actions/list_replication_targets.ts';
import { resetStatus } from './actions/reset_status.ts';
import { createFromSource } from './actions/create-from-src.ts';
import { create, listBrief, listDetail, show } from './handlers.ts';
import { remove } from './actions/delete.ts';
import { update } from './update.ts';

const named = {
  name: Type.Optional(orNull(nameSchema)),
  description: Type.Optional(orNull(nameSchema)),
};
const createBody = Type.Object(
  {
    group: Type.Object(
      {
        ...named,
        group_type: requiredName,
        volume_types: Type.Array(requiredName, { minItems: 1, maxItems: 100, uniqueItems: true }),
        availability_zone: Type.Optional(orNull(nameSchema)),
      },
      strict,
    ),
  },
  strict,
);
const ids = Type.Optional(orNull(Type.String({ maxLength: 10_000 })));
const updateBody = Type.Object(
  { group: Type.Object({ ...named, add_volumes: ids, remove_volumes: ids }, strict) },
  strict,
);
const fromSourceBody = Type.Object(
  {
    'create-from-src': Type.Object(
      {
        ...named,
        group_snapshot_id: Type.Optional(orNull(uuidSchema)),
        source_group_id: Type.Optional(orNull(uuidSchema)),
      },
      strict,
    ),
  },
  strict,
);
const deleteBody = Type.Object(
  { delete: Type.Object({ 'delete-volumes': Type.Optional(booleanSchema) }, strict) },
  strict,
);
export const resetStatusBody = Type.Object(
  { reset_status: Type.Object({ status: Type.String({ minLength: 1, maxLength: 255 }) }, strict) },
  strict,
);

const replication = (
  key: string,
  handler: VolumeAction['handler'],
  fields: TSchema = Type.Object({}, strict),
): VolumeAction => ({ key, handler, body: Type.Object({ [key]: fields }, strict), since: '3.38' });

const failoverFields = Type.Object(
  {
    allow_attached_volume: Type.Optional(booleanSchema),
    secondary_backend_id: Type.Optional(orNull(nameSchema)),
  },
  strict,
);

const replicationActions: readonly VolumeAction[] = [
  replication('enable_replication', enableReplication),
  replication('disable_replication', disableReplication),
  replication('failover_replication', failoverReplication, failoverFields),
  replication('list_replication_targets', listReplicationTargets),
];

const path = '/groups';
const since = '3.13';

export const groupRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: listBrief, policy: 'group:get_all', since },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy: 'group:get_all', since },
  { method: 'POST', path, handler: create, body: createBody, success: 202, errors: [413], since },
  {
    method: 'POST',
    path: `${path}/action`,
    actions: [{ key: 'create-from-src', handler: createFromSource, body: fromSourceBody }],
    errors: [413],
    since: '3.14',
  },
  { method: 'GET', path: `${path}/:id`, handler: show, since },
  { method: 'PUT', path: `${path}/:id`, handler: update, body: updateBody, success: 202, since },
  {
    method: 'POST',
    path: `${path}/:id/action`,
    actions: [
      { key: 'delete', handler: remove, body: deleteBody },
      { key: 'reset_status', handler: resetStatus, body: resetStatusBody, since: '3.20' },
      ...replicationActions,
    ],
    since,
  },
];
