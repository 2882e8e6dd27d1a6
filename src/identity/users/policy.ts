// Rules of users. A manager on a domain manages the users in it.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = `${ADMIN} or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.user.domain_id)s)`;
const MANAGE = `${ADMIN} or (role:manager and domain_id:%(target.user.domain_id)s)`;

export const userPolicies: readonly PolicyRule[] = [
  {
    name: 'identity:list_users',
    check: READ,
    description: 'List users; a domain-scoped caller sees its domain.',
  },
  { name: 'identity:get_user', check: `${READ} or user_id:%(target.user.id)s`, description: 'See a user.' },
  { name: 'identity:create_user', check: MANAGE, description: 'Add a user.' },
  { name: 'identity:update_user', check: MANAGE, description: 'Change a user.' },
  { name: 'identity:delete_user', check: MANAGE, description: 'Remove a user.' },
];
