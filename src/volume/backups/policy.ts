// Rules of backups: upstream's names and secure-RBAC defaults.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { ADMIN, MEMBER, READER, rule } from '#volume/policies.ts';

export const backupPolicies: readonly PolicyRule[] = [
  rule('backup:get_all', READER, 'List backups.'),
  rule('backup:get_all_projects', ADMIN, 'List the backups of every project.'),
  rule('backup:backup_project_attribute', ADMIN, 'See which project a backup belongs to.'),
  rule('backup:create', MEMBER, 'Back a volume up.'),
  rule('backup:get', READER, 'Show a backup.'),
  rule('backup:update', MEMBER, "Change a backup's name, description and metadata."),
  rule('backup:delete', MEMBER, 'Delete a backup.'),
  rule('backup:restore', MEMBER, 'Restore a backup.'),
  rule('backup:backup-import', ADMIN, 'Import the record of a backup.'),
  rule('backup:export-import', ADMIN, 'Export the record of a backup.'),
  rule('volume_extension:backup_admin_actions:reset_status', ADMIN, 'Set the status of a backup.'),
  rule(
    'volume_extension:backup_admin_actions:force_delete',
    ADMIN,
    'Delete a backup in whatever state it is.',
  ),
];
