// Rules of limits: everybody sees their own, and what holds without one; who administers the system sets them.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const OF_DOMAIN = 'domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s';
const OF_PROJECT = 'project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s';

export const limitPolicies: readonly PolicyRule[] = [
  { name: 'identity:get_limit_model', check: '@', description: 'See how limits are enforced.' },
  {
    name: 'identity:get_limit',
    check: `rule:admin_required or (role:reader and system_scope:all) or (${OF_DOMAIN}) or (${OF_PROJECT})`,
    description: 'See a limit.',
  },
  { name: 'identity:list_limits', check: '@', description: 'List limits that the caller may see.' },
  { name: 'identity:create_limits', check: ADMIN, description: 'Add limits.' },
  { name: 'identity:update_limit', check: ADMIN, description: 'Change a limit.' },
  { name: 'identity:delete_limit', check: ADMIN, description: 'Remove a limit.' },
  { name: 'identity:get_registered_limit', check: '@', description: 'See a registered limit.' },
  { name: 'identity:list_registered_limits', check: '@', description: 'List registered limits.' },
  { name: 'identity:create_registered_limits', check: ADMIN, description: 'Register limits.' },
  { name: 'identity:update_registered_limit', check: ADMIN, description: 'Change one.' },
  { name: 'identity:delete_registered_limit', check: ADMIN, description: 'Remove one.' },
];
