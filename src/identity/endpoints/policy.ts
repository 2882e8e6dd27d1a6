// Rules of endpoints.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = 'rule:admin_required or (role:reader and system_scope:all)';

export const endpointPolicies: readonly PolicyRule[] = [
  { name: 'identity:list_endpoints', check: READ, description: 'List the endpoints.' },
  { name: 'identity:get_endpoint', check: READ, description: 'See an endpoint.' },
  { name: 'identity:create_endpoint', check: ADMIN, description: 'Add an endpoint.' },
  { name: 'identity:update_endpoint', check: ADMIN, description: 'Change an endpoint.' },
  { name: 'identity:delete_endpoint', check: ADMIN, description: 'Remove an endpoint.' },
];
