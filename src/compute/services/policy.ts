// Administrators see and steer compute services.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:context_is_admin';
const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const computeServicePolicies: readonly PolicyRule[] = [
  rule('os-services:list', ADMIN, 'List compute services.'),
  rule('os-services:update', ADMIN, 'Enable, disable or force down a compute service.'),
  rule('os-services:delete', ADMIN, 'Delete a compute service.'),
];
