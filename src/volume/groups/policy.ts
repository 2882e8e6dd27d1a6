// Rules of groups of volumes: upstream's names and secure-RBAC defaults. The target is the group's project.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { ADMIN, MEMBER, READER, rule } from '#volume/policies.ts';

export const groupPolicies: readonly PolicyRule[] = [
  rule('group:get_all', READER, 'List groups.'),
  rule('group:get', READER, 'Show a group.'),
  rule('group:create', MEMBER, 'Make a group.'),
  rule('group:update', MEMBER, 'Change a group, and which volumes are in it.'),
  rule('group:delete', MEMBER, 'Delete a group, with its volumes if asked.'),
  rule('group:reset_status', ADMIN, 'Set the status of a group.'),
  rule('group:enable_replication', MEMBER, 'Replicate a group.'),
  rule('group:disable_replication', MEMBER, 'Replicate a group no more.'),
  rule('group:failover_replication', MEMBER, 'Go on with the replica of a group.'),
  rule('group:list_replication_targets', MEMBER, 'List where a group is replicated to.'),
  rule('group:group_project_attribute', ADMIN, 'See which project a group belongs to.'),
];
