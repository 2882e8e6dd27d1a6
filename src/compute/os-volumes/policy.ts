// Who may do what with volumes and snapshots through compute. The volume service's own policies hold beside these.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const READER = 'rule:project_reader_or_admin';
const MEMBER = 'rule:project_member_or_admin';

const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:os-volumes:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const volumeProxyPolicies: readonly PolicyRule[] = [
  rule('list', READER, 'List volumes.'),
  rule('detail', READER, 'List volumes with what is known of each.'),
  rule('show', READER, 'Show a volume.'),
  rule('create', MEMBER, 'Make a volume.'),
  rule('delete', MEMBER, 'Delete a volume.'),
  rule('snapshots:list', READER, 'List snapshots of volumes.'),
  rule('snapshots:detail', READER, 'List snapshots of volumes with what is known of each.'),
  rule('snapshots:show', READER, 'Show a snapshot of a volume.'),
  rule('snapshots:create', MEMBER, 'Take a snapshot of a volume.'),
  rule('snapshots:delete', MEMBER, 'Delete a snapshot of a volume.'),
];
