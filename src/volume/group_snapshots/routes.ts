// `/group_snapshots` (3.14): snapshots of all volumes of a group.
import { Type } from 'typebox';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, MEMBER, READER, rule } from '#volume/policies.ts';
import { nameSchema, orNull, strict, uuidSchema } from '#volume/schema-types.ts';
import { resetStatusBody } from '../groups/routes.ts';
import { resetStatus } from './actions/reset_status.ts';
import { create, listBrief, listDetail, remove, show } from './handlers.ts';

export const groupSnapshotPolicies: readonly PolicyRule[] = [
  rule('group:get_all_group_snapshots', READER, 'List group snapshots.'),
  rule('group:get_group_snapshot', READER, 'Show a group snapshot.'),
  rule('group:create_group_snapshot', MEMBER, 'Take a snapshot of each volume of a group.'),
  rule('group:delete_group_snapshot', MEMBER, 'Delete a group snapshot.'),
  rule('group:reset_group_snapshot_status', ADMIN, 'Set the status of a group snapshot.'),
  rule('group:group_snapshot_project_attribute', ADMIN, 'See which project a group snapshot belongs to.'),
];

const createBody = Type.Object(
  {
    group_snapshot: Type.Object(
      {
        group_id: uuidSchema,
        name: Type.Optional(orNull(nameSchema)),
        description: Type.Optional(orNull(nameSchema)),
      },
      strict,
    ),
  },
  strict,
);

const path = '/group_snapshots';
const since = '3.14';
const policy = 'group:get_all_group_snapshots';

export const groupSnapshotRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: listBrief, policy, since },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy, since },
  { method: 'POST', path, handler: create, body: createBody, success: 202, errors: [413], since },
  { method: 'GET', path: `${path}/:id`, handler: show, since },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 202, since },
  {
    method: 'POST',
    path: `${path}/:id/action`,
    actions: [{ key: 'reset_status', handler: resetStatus, body: resetStatusBody }],
    since: '3.19',
  },
];
