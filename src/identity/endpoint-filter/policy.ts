// Rules of endpoint groups and of the endpoints that a project sees: administrators'.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = 'rule:admin_required or (role:reader and system_scope:all)';

export const endpointFilterPolicies: readonly PolicyRule[] = [
  { name: 'identity:create_endpoint_group', check: ADMIN, description: 'Add an endpoint group.' },
  { name: 'identity:list_endpoint_groups', check: READ, description: 'List endpoint groups.' },
  { name: 'identity:get_endpoint_group', check: READ, description: 'See an endpoint group.' },
  { name: 'identity:update_endpoint_group', check: ADMIN, description: 'Change an endpoint group.' },
  { name: 'identity:delete_endpoint_group', check: ADMIN, description: 'Remove an endpoint group.' },
  {
    name: 'identity:list_projects_associated_with_endpoint_group',
    check: READ,
    description: 'List the projects of an endpoint group.',
  },
  {
    name: 'identity:list_endpoints_associated_with_endpoint_group',
    check: READ,
    description: 'List the endpoints of an endpoint group.',
  },
  {
    name: 'identity:get_endpoint_group_in_project',
    check: READ,
    description: 'Ask whether a project has an endpoint group.',
  },
  {
    name: 'identity:list_endpoint_groups_for_project',
    check: READ,
    description: 'List the endpoint groups of a project.',
  },
  {
    name: 'identity:add_endpoint_group_to_project',
    check: ADMIN,
    description: 'Give an endpoint group to a project.',
  },
  {
    name: 'identity:remove_endpoint_group_from_project',
    check: ADMIN,
    description: 'Take an endpoint group from a project.',
  },
  {
    name: 'identity:list_projects_for_endpoint',
    check: READ,
    description: 'List the projects of an endpoint.',
  },
  {
    name: 'identity:add_endpoint_to_project',
    check: ADMIN,
    description: 'Give an endpoint to a project.',
  },
  {
    name: 'identity:check_endpoint_in_project',
    check: READ,
    description: 'Ask whether a project has an endpoint.',
  },
  {
    name: 'identity:list_endpoints_for_project',
    check: READ,
    description: 'List the endpoints of a project.',
  },
  {
    name: 'identity:remove_endpoint_from_project',
    check: ADMIN,
    description: 'Take an endpoint from a project.',
  },
];
