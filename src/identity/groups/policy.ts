// Rules of groups and their members. A manager on a domain manages the groups in it.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const SYSTEM_READ = `${ADMIN} or (role:reader and system_scope:all)`;
const IN_DOMAIN = 'domain_id:%(target.group.domain_id)s';
const READ = `${SYSTEM_READ} or (role:reader and ${IN_DOMAIN})`;
const MANAGE = `${ADMIN} or (role:manager and ${IN_DOMAIN})`;
const MEMBERS = `${ADMIN} or (role:manager and ${IN_DOMAIN} and domain_id:%(target.user.domain_id)s)`;

export const groupPolicies: readonly PolicyRule[] = [
  {
    name: 'identity:list_groups',
    check: READ,
    description: 'List groups; a domain-scoped caller sees its domain.',
  },
  { name: 'identity:get_group', check: READ, description: 'See a group.' },
  { name: 'identity:create_group', check: MANAGE, description: 'Add a group.' },
  { name: 'identity:update_group', check: MANAGE, description: 'Change a group.' },
  { name: 'identity:delete_group', check: MANAGE, description: 'Remove a group.' },
  {
    name: 'identity:list_groups_for_user',
    check: `${SYSTEM_READ} or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s`,
    description: 'List the groups of a user.',
  },
  { name: 'identity:list_users_in_group', check: READ, description: 'List the members of a group.' },
  { name: 'identity:check_user_in_group', check: READ, description: 'Ask whether a user is in a group.' },
  { name: 'identity:add_user_to_group', check: MEMBERS, description: 'Add a member.' },
  { name: 'identity:remove_user_from_group', check: MEMBERS, description: 'Remove a member.' },
];
