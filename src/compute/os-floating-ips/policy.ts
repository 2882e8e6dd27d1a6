// Who may do what with floating IPs through compute. The network service's own policies hold beside these.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const floatingIpPolicies: readonly PolicyRule[] = [
  rule('os-floating-ips:list', 'rule:project_reader_or_admin', 'List floating IPs.'),
  rule('os-floating-ips:show', 'rule:project_reader_or_admin', 'Show a floating IP.'),
  rule('os-floating-ips:create', 'rule:project_member_or_admin', 'Allocate a floating IP.'),
  rule('os-floating-ips:delete', 'rule:project_member_or_admin', 'Release a floating IP.'),
  rule('os-floating-ip-pools', '@', 'List the networks that floating IPs come from.'),
];
