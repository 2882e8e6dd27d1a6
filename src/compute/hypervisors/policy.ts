// Hypervisors are for administrators.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:context_is_admin';
const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const hypervisorPolicies: readonly PolicyRule[] = [
  rule('os-hypervisors:list', ADMIN, 'List hypervisors.'),
  rule('os-hypervisors:list-detail', ADMIN, 'List hypervisors with details.'),
  rule('os-hypervisors:statistics', ADMIN, 'Show sums over all hypervisors.'),
  rule('os-hypervisors:show', ADMIN, 'Show a hypervisor.'),
  rule('os-hypervisors:uptime', ADMIN, 'Show how long a hypervisor has been up.'),
  rule('os-hypervisors:search', ADMIN, 'Search hypervisors by name.'),
  rule('os-hypervisors:servers', ADMIN, 'List the servers on hypervisors.'),
];
