// Administrators keep the aggregates.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:context_is_admin';
const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const aggregatePolicies: readonly PolicyRule[] = [
  rule('os-aggregates:index', ADMIN, 'List aggregates.'),
  rule('os-aggregates:show', ADMIN, 'Show an aggregate.'),
  rule('os-aggregates:create', ADMIN, 'Create an aggregate.'),
  rule('os-aggregates:update', ADMIN, 'Change the name or zone of an aggregate.'),
  rule('os-aggregates:delete', ADMIN, 'Delete an aggregate.'),
  rule('os-aggregates:add_host', ADMIN, 'Put a host into an aggregate.'),
  rule('os-aggregates:remove_host', ADMIN, 'Take a host out of an aggregate.'),
  rule('os-aggregates:set_metadata', ADMIN, 'Change the metadata of an aggregate.'),
  {
    name: 'compute:aggregates:images',
    check: ADMIN,
    description: 'Have the hosts of an aggregate load images ahead.',
    scopes: ['project'],
  },
];
