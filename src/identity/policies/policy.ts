// Rules of policies.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = `${ADMIN} or (role:reader and system_scope:all)`;

export const policyPolicies: readonly PolicyRule[] = [
  { name: 'identity:list_policies', check: READ, description: 'List policies.' },
  { name: 'identity:get_policy', check: READ, description: 'See a policy.' },
  { name: 'identity:create_policy', check: ADMIN, description: 'Add a policy.' },
  { name: 'identity:update_policy', check: ADMIN, description: 'Change a policy.' },
  { name: 'identity:delete_policy', check: ADMIN, description: 'Remove a policy.' },
  {
    name: 'identity:list_endpoints_for_policy',
    check: READ,
    description: 'List the endpoints that have a policy.',
  },
  { name: 'identity:get_policy_for_endpoint', check: READ, description: 'See the policy of an endpoint.' },
  {
    name: 'identity:check_policy_association_for_endpoint',
    check: READ,
    description: 'Ask whether an endpoint has a policy.',
  },
  {
    name: 'identity:create_policy_association_for_endpoint',
    check: ADMIN,
    description: 'Give a policy to an endpoint.',
  },
  {
    name: 'identity:delete_policy_association_for_endpoint',
    check: ADMIN,
    description: 'Take a policy from an endpoint.',
  },
  {
    name: 'identity:check_policy_association_for_service',
    check: READ,
    description: 'Ask whether a service has a policy.',
  },
  {
    name: 'identity:create_policy_association_for_service',
    check: ADMIN,
    description: 'Give a policy to a service.',
  },
  {
    name: 'identity:delete_policy_association_for_service',
    check: ADMIN,
    description: 'Take a policy from a service.',
  },
  {
    name: 'identity:check_policy_association_for_region_and_service',
    check: READ,
    description: 'Ask whether a service in a region has a policy.',
  },
  {
    name: 'identity:create_policy_association_for_region_and_service',
    check: ADMIN,
    description: 'Give a policy to a service in a region.',
  },
  {
    name: 'identity:delete_policy_association_for_region_and_service',
    check: ADMIN,
    description: 'Take a policy from a service in a region.',
  },
];
