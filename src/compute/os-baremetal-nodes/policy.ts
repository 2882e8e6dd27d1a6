// Administrators would see bare metal nodes.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const rule = (name: string, description: string): PolicyRule => ({
  name: `os_compute_api:os-baremetal-nodes:${name}`,
  check: 'rule:context_is_admin',
  description,
  scopes: ['project'],
});

export const baremetalPolicies: readonly PolicyRule[] = [
  rule('list', 'List bare metal nodes.'),
  rule('show', 'Show a bare metal node.'),
];
