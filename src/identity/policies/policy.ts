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
];
