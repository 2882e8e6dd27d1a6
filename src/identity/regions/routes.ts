// `/v3/regions`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  createRegion,
  listRegions,
  putRegion,
  removeOneRegion,
  showRegion,
  updateOneRegion,
} from './handlers.ts';
import { createRegionBody, updateRegionBody } from './schema.ts';

export const regionRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/regions', policy: 'identity:list_regions', handler: listRegions },
  {
    method: 'POST',
    path: '/v3/regions',
    policy: 'identity:create_region',
    body: createRegionBody,
    handler: createRegion,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: '/v3/regions/:id', policy: 'identity:get_region', handler: showRegion },
  {
    method: 'PUT',
    path: '/v3/regions/:id',
    policy: 'identity:create_region',
    body: createRegionBody,
    handler: putRegion,
    success: 201,
    errors: [409],
  },
  {
    method: 'PATCH',
    path: '/v3/regions/:id',
    policy: 'identity:update_region',
    body: updateRegionBody,
    handler: updateOneRegion,
  },
  {
    method: 'DELETE',
    path: '/v3/regions/:id',
    policy: 'identity:delete_region',
    handler: removeOneRegion,
    success: 204,
  },
];
