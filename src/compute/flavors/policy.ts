// Who may do what with flavors: everybody reads them, administrators keep them.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:context_is_admin';
const READER = 'rule:project_reader_or_admin';
const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const flavorPolicies: readonly PolicyRule[] = [
  rule('os-flavor-manage:create', ADMIN, 'Create a flavor.'),
  rule('os-flavor-manage:update', ADMIN, 'Change the description of a flavor.'),
  rule('os-flavor-manage:delete', ADMIN, 'Delete a flavor.'),
  rule('os-flavor-access', ADMIN, 'List the projects that may use a private flavor.'),
  rule('os-flavor-access:add_tenant_access', ADMIN, 'Let a project use a private flavor.'),
  rule('os-flavor-access:remove_tenant_access', ADMIN, 'Take a private flavor from a project.'),
  rule('os-flavor-extra-specs:index', READER, 'List the extra specs of a flavor.'),
  rule('os-flavor-extra-specs:show', READER, 'Show an extra spec of a flavor.'),
  rule('os-flavor-extra-specs:create', ADMIN, 'Add extra specs to a flavor.'),
  rule('os-flavor-extra-specs:update', ADMIN, 'Change an extra spec of a flavor.'),
  rule('os-flavor-extra-specs:delete', ADMIN, 'Remove an extra spec of a flavor.'),
];
