// `/v3/services`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { createService, listServices, removeOneService, showService, updateOneService } from './handlers.ts';
import { createServiceBody, updateServiceBody } from './schema.ts';

export const serviceRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/services', policy: 'identity:list_services', handler: listServices },
  {
    method: 'POST',
    path: '/v3/services',
    policy: 'identity:create_service',
    body: createServiceBody,
    handler: createService,
    success: 201,
  },
  { method: 'GET', path: '/v3/services/:id', policy: 'identity:get_service', handler: showService },
  {
    method: 'PATCH',
    path: '/v3/services/:id',
    policy: 'identity:update_service',
    body: updateServiceBody,
    handler: updateOneService,
  },
  {
    method: 'DELETE',
    path: '/v3/services/:id',
    policy: 'identity:delete_service',
    handler: removeOneService,
    success: 204,
  },
];
