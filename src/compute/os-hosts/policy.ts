// Administrators see hosts and steer them.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const rule = (name: string, description: string): PolicyRule => ({
  name: `os_compute_api:os-hosts:${name}`,
  check: 'rule:context_is_admin',
  description,
  scopes: ['project'],
});

export const hostPolicies: readonly PolicyRule[] = [
  rule('list', 'List hosts.'),
  rule('show', 'Show what a host has and what of it is used.'),
  rule('update', 'Enable or disable a host.'),
  rule('start', 'Start a host.'),
  rule('shutdown', 'Shut a host down.'),
  rule('reboot', 'Reboot a host.'),
];
