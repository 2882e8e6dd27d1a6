// Rules of roles and implications.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = `${ADMIN} or (role:reader and system_scope:all)`;
const SEE = `${READ} or (role:manager and not domain_id:None)`;

export const rolePolicies: readonly PolicyRule[] = [
  { name: 'identity:list_roles', check: SEE, description: 'List roles of the cloud; domain managers too.' },
  { name: 'identity:get_role', check: SEE, description: 'See a role of the cloud; domain managers too.' },
  { name: 'identity:create_role', check: ADMIN, description: 'Add a role.' },
  { name: 'identity:update_role', check: ADMIN, description: 'Change a role.' },
  { name: 'identity:delete_role', check: ADMIN, description: 'Remove a role and its assignments.' },
  { name: 'identity:list_domain_roles', check: READ, description: "List a domain's own roles." },
  { name: 'identity:get_domain_role', check: READ, description: "See a domain's own role." },
  { name: 'identity:create_domain_role', check: ADMIN, description: "Add a domain's own role." },
  { name: 'identity:update_domain_role', check: ADMIN, description: "Change a domain's own role." },
  { name: 'identity:delete_domain_role', check: ADMIN, description: "Remove a domain's own role." },
  { name: 'identity:list_implied_roles', check: READ, description: 'List what a role implies.' },
  { name: 'identity:get_implied_role', check: READ, description: 'See one implication.' },
  { name: 'identity:check_implied_role', check: READ, description: 'Ask whether a role implies another.' },
  { name: 'identity:create_implied_role', check: ADMIN, description: 'Let a role imply another.' },
  { name: 'identity:delete_implied_role', check: ADMIN, description: 'End an implication.' },
  { name: 'identity:list_role_inference_rules', check: READ, description: 'List all implications.' },
];
