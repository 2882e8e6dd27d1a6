// Rules of domains: who belongs to one may see it.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = `${ADMIN} or (role:reader and system_scope:all)`;

export const domainPolicies: readonly PolicyRule[] = [
  {
    name: 'identity:list_domains',
    check: `${READ} or (role:reader and domain_id:%(target.domain.id)s)`,
    description: 'List domains; a domain-scoped caller sees its own.',
  },
  {
    name: 'identity:get_domain',
    check: `${READ} or domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s`,
    description: 'See a domain.',
  },
  { name: 'identity:create_domain', check: ADMIN, description: 'Add a domain.' },
  { name: 'identity:update_domain', check: ADMIN, description: 'Change a domain.' },
  { name: 'identity:delete_domain', check: ADMIN, description: 'Remove a disabled domain and all in it.' },
];
