// `/os-migrations`: moves of servers between hosts. This cloud does not move servers, so there are none.
import type { ComputeRoute } from '#compute/deps.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';

export const migrationPolicies: readonly PolicyRule[] = [
  {
    name: 'os_compute_api:os-migrations:index',
    check: 'rule:context_is_admin',
    description: 'List migrations.',
    scopes: ['project'],
  },
];

export const migrationRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: '/v2.1/os-migrations',
    handler: async () => ({ migrations: [] }),
    policy: 'os_compute_api:os-migrations:index',
  },
];
