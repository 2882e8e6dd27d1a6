// Who may do what with server groups.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:os-server-groups:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const serverGroupPolicies: readonly PolicyRule[] = [
  // A token without a project gets those of nobody.
  rule('index', 'rule:project_reader_or_admin or project_id:None', 'List server groups.'),
  rule('index:all_projects', 'rule:context_is_admin', 'List the server groups of all projects.'),
  rule('show', 'rule:project_reader_or_admin', 'Show a server group.'),
  rule('create', 'rule:project_member_or_admin', 'Create a server group.'),
  rule('delete', 'rule:project_member_or_admin', 'Delete a server group.'),
];
