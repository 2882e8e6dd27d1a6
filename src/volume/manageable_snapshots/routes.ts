// `/os-snapshot-manage`, since 3.8 also `/manageable_snapshots`: snapshots that a backend has and the service does not know.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { manageableRoutes } from '../manageable_volumes/manageable.ts';
import { manageSnapshotBody } from '../manageable_volumes/schema.ts';
import { manage, manageableSnapshots } from './handlers.ts';

const LIST = 'snapshot_extension:list_manageable';

export const manageableSnapshotPolicies: readonly PolicyRule[] = [
  rule(LIST, ADMIN, 'List the snapshots that a backend holds.'),
  rule('snapshot_extension:snapshot_manage', ADMIN, 'Manage a snapshot in that a backend holds.'),
];

export const manageableSnapshotRoutes: readonly VolumeRoute[] = manageableRoutes(manageableSnapshots, LIST, {
  handler: manage, // its rule is about the volume
  body: manageSnapshotBody,
});
