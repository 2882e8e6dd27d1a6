// Everybody may see the zones, administrators also the hosts in them.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:context_is_admin';
const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const availabilityZonePolicies: readonly PolicyRule[] = [
  rule('os-availability-zone:list', '@', 'List availability zones.'),
  rule('os-availability-zone:detail', ADMIN, 'List availability zones with their hosts and services.'),
];
