// `/flavors/{id}/os-flavor-access` and its two actions: which projects may use a private flavor.
import type { ComputeRoute } from '#compute/deps.ts';
import { addTenantAccess as add } from '../actions/addTenantAccess.ts';
import { removeTenantAccess as remove } from '../actions/removeTenantAccess.ts';
import { addTenantAccess, removeTenantAccess } from '../schema.ts';
import { list } from './handlers.ts';

export const flavorAccessRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: '/v2.1/flavors/:id/os-flavor-access',
    handler: list,
    policy: 'os_compute_api:os-flavor-access',
  },
  {
    method: 'POST',
    path: '/v2.1/flavors/:id/action',
    actions: [
      {
        key: 'addTenantAccess',
        handler: add,
        body: addTenantAccess,
        policy: 'os_compute_api:os-flavor-access:add_tenant_access',
        success: 200,
      },
      {
        key: 'removeTenantAccess',
        handler: remove,
        body: removeTenantAccess,
        policy: 'os_compute_api:os-flavor-access:remove_tenant_access',
        success: 200,
      },
    ],
    errors: [409],
  },
];
