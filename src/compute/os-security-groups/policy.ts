// Who may do what with security groups through compute. The network service's own policies hold beside these.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:os-security-groups:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const securityGroupPolicies: readonly PolicyRule[] = [
  rule('get', 'rule:project_reader_or_admin', 'List security groups.'),
  rule('show', 'rule:project_reader_or_admin', 'Show a security group.'),
  rule('create', 'rule:project_member_or_admin', 'Create a security group.'),
  rule('update', 'rule:project_member_or_admin', 'Change a security group.'),
  rule('delete', 'rule:project_member_or_admin', 'Delete a security group.'),
  rule('rule:create', 'rule:project_member_or_admin', 'Create a security group rule.'),
  rule('rule:delete', 'rule:project_member_or_admin', 'Delete a security group rule.'),
];
