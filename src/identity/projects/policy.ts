// Rules of projects and their tags. A manager on a domain manages the projects in it.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = `${ADMIN} or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s)`;
const OWN = 'project_id:%(target.project.id)s';
const MANAGE = `${ADMIN} or (role:manager and domain_id:%(target.project.domain_id)s)`;

export const projectPolicies: readonly PolicyRule[] = [
  {
    name: 'identity:list_projects',
    check: `${READ} or role:service`,
    description: 'List projects; a domain-scoped caller sees those of its domain.',
  },
  { name: 'identity:get_project', check: `${READ} or ${OWN} or role:service`, description: 'See a project.' },
  {
    name: 'identity:list_user_projects',
    check: `${ADMIN} or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s`,
    description: 'List the projects on which a user has a role.',
  },
  { name: 'identity:create_project', check: MANAGE, description: 'Add a project.' },
  { name: 'identity:update_project', check: MANAGE, description: 'Change a project.' },
  { name: 'identity:delete_project', check: MANAGE, description: 'Remove a project.' },
  {
    name: 'identity:list_project_tags',
    check: `${READ} or ${OWN}`,
    description: 'List the tags of a project.',
  },
  {
    name: 'identity:get_project_tag',
    check: `${READ} or ${OWN}`,
    description: 'Ask whether a project has a tag.',
  },
  { name: 'identity:create_project_tag', check: MANAGE, description: 'Add a tag.' },
  { name: 'identity:update_project_tags', check: MANAGE, description: 'Replace all tags.' },
  { name: 'identity:delete_project_tag', check: MANAGE, description: 'Remove a tag.' },
  { name: 'identity:delete_project_tags', check: MANAGE, description: 'Remove all tags.' },
];
