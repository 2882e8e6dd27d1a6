// `/os-snapshot-manage`, since 3.8 also `/manageable_snapshots`: snapshots that a backend has and the service does not know.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { manageSnapshotBody } from '../manageable_volumes/schema.ts';
import { listBrief, listDetail, manage } from './handlers.ts';

const LIST = 'snapshot_extension:list_manageable';

export const manageableSnapshotPolicies: readonly PolicyRule[] = [
  rule(LIST, ADMIN, 'List the snapshots that a backend holds.'),
  rule('snapshot_extension:snapshot_manage', ADMIN, 'Manage a snapshot in that a backend holds.'),
];

const routesAt = (path: string, extra: Pick<VolumeRoute, 'since'>): VolumeRoute[] => [
  { method: 'GET', path, handler: listBrief, policy: LIST, errors: [503, 504], ...extra },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy: LIST, errors: [503, 504], ...extra },
  {
    method: 'POST',
    path,
    handler: manage,
    body: manageSnapshotBody,
    success: 202,
    errors: [413, 503, 504],
    ...extra,
  },
];

export const manageableSnapshotRoutes: readonly VolumeRoute[] = [
  ...routesAt('/os-snapshot-manage', {}),
  ...routesAt('/manageable_snapshots', { since: '3.8' }),
];
