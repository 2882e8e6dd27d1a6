// Rules of role assignments. A manager on a domain gives manager, member and reader to the domain's own users on its own
// projects and on itself.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const SYSTEM_READ = `${ADMIN} or (role:reader and system_scope:all)`;
const IN_DOMAIN = '(domain_id:%(target.actor.domain_id)s and domain_id:%(target.domain_id)s)';
const MANAGE = `${ADMIN} or (role:manager and ${IN_DOMAIN} and rule:domain_managed_target_role)`;

export const assignmentPolicies: readonly PolicyRule[] = [
  {
    name: 'domain_managed_target_role',
    check: "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
    description: 'Roles that a manager of a domain may give.',
  },
  {
    name: 'identity:check_grant',
    check: `${SYSTEM_READ} or (role:reader and ${IN_DOMAIN})`,
    description: 'Ask for an assignment.',
  },
  {
    name: 'identity:list_grants',
    check: `${SYSTEM_READ} or (role:reader and ${IN_DOMAIN})`,
    description: 'List the roles of someone on something.',
  },
  { name: 'identity:create_grant', check: MANAGE, description: 'Give a role.' },
  { name: 'identity:revoke_grant', check: MANAGE, description: 'Take a role away.' },
  {
    name: 'identity:check_system_grant_for_user',
    check: SYSTEM_READ,
    description: 'Ask for a role on the system.',
  },
  {
    name: 'identity:list_system_grants_for_user',
    check: SYSTEM_READ,
    description: 'List roles on the system.',
  },
  { name: 'identity:create_system_grant_for_user', check: ADMIN, description: 'Give a role on the system.' },
  { name: 'identity:revoke_system_grant_for_user', check: ADMIN, description: 'Take one away.' },
  { name: 'identity:check_system_grant_for_group', check: SYSTEM_READ, description: 'The same for a group.' },
  { name: 'identity:list_system_grants_for_group', check: SYSTEM_READ, description: 'The same for a group.' },
  { name: 'identity:create_system_grant_for_group', check: ADMIN, description: 'The same for a group.' },
  { name: 'identity:revoke_system_grant_for_group', check: ADMIN, description: 'The same for a group.' },
  {
    name: 'identity:list_role_assignments',
    check: `${SYSTEM_READ} or (role:reader and domain_id:%(target.domain_id)s)`,
    description: 'List who has which role where.',
  },
  {
    name: 'identity:list_role_assignments_for_tree',
    check: `${SYSTEM_READ} or (role:reader and domain_id:%(target.domain_id)s) or (role:admin and project_id:%(target.project.id)s)`,
    description: 'The same for a project and all below it.',
  },
];
