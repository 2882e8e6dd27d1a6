// Rules of snapshots: upstream's names and secure-RBAC defaults. The target is the snapshot's project.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { ADMIN, MEMBER, READER, rule } from '#volume/policies.ts';

export const snapshotPolicies: readonly PolicyRule[] = [
  rule('volume:create_snapshot', MEMBER, 'Take a snapshot of a volume.'),
  rule('volume:get_snapshot', READER, 'Show a snapshot.'),
  rule('volume:get_all_snapshots', READER, 'List snapshots.'),
  rule('volume:get_all_snapshots_of_projects', ADMIN, 'List the snapshots of every project.'),
  rule('volume:update_snapshot', MEMBER, "Change a snapshot's name and description."),
  rule('volume:delete_snapshot', MEMBER, 'Delete a snapshot.'),
  rule('volume:get_snapshot_metadata', READER, 'See the metadata of a snapshot.'),
  rule('volume:update_snapshot_metadata', MEMBER, 'Change the metadata of a snapshot.'),
  rule('volume:delete_snapshot_metadata', MEMBER, 'Remove metadata from a snapshot.'),
  rule(
    'volume_extension:extended_snapshot_attributes',
    READER,
    'See the project and progress of a snapshot.',
  ),
  rule(
    'snapshot_extension:snapshot_actions:update_snapshot_status',
    MEMBER,
    'Tell how a snapshot goes that is being made or deleted.',
  ),
  rule('snapshot_extension:snapshot_unmanage', ADMIN, 'Forget a snapshot and leave its data.'),
  rule('volume_extension:snapshot_admin_actions:reset_status', ADMIN, 'Set the status of a snapshot.'),
  rule(
    'volume_extension:snapshot_admin_actions:force_delete',
    ADMIN,
    'Delete a snapshot in whatever state it is.',
  ),
];
