// `/v3/endpoints`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  createEndpoint,
  listEndpoints,
  removeOneEndpoint,
  showEndpoint,
  updateOneEndpoint,
} from './handlers.ts';
import { createEndpointBody, updateEndpointBody } from './schema.ts';

export const endpointRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/endpoints', policy: 'identity:list_endpoints', handler: listEndpoints },
  {
    method: 'POST',
    path: '/v3/endpoints',
    policy: 'identity:create_endpoint',
    body: createEndpointBody,
    handler: createEndpoint,
    success: 201,
  },
  { method: 'GET', path: '/v3/endpoints/:id', policy: 'identity:get_endpoint', handler: showEndpoint },
  {
    method: 'PATCH',
    path: '/v3/endpoints/:id',
    policy: 'identity:update_endpoint',
    body: updateEndpointBody,
    handler: updateOneEndpoint,
  },
  {
    method: 'DELETE',
    path: '/v3/endpoints/:id',
    policy: 'identity:delete_endpoint',
    handler: removeOneEndpoint,
    success: 204,
  },
];
