// Rules of services.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = 'rule:admin_required or (role:reader and system_scope:all)';

export const servicePolicies: readonly PolicyRule[] = [
  { name: 'identity:list_services', check: READ, description: 'List the services of the catalog.' },
  { name: 'identity:get_service', check: READ, description: 'See a service.' },
  { name: 'identity:create_service', check: ADMIN, description: 'Add a service.' },
  { name: 'identity:update_service', check: ADMIN, description: 'Change a service.' },
  { name: 'identity:delete_service', check: ADMIN, description: 'Remove a service and its endpoints.' },
];
