// `/allocations` and `/resource_providers/{uuid}/allocations`: who has taken what from whom.
import type { PlacementRoute } from '#placement/deps.ts';
import { listOfOneProvider, post, put, remove, show } from './handlers.ts';
import { postAllocations, putAllocations } from './schema.ts';

const path = '/allocations/:consumer';

export const allocationRoutes: readonly PlacementRoute[] = [
  {
    method: 'POST',
    path: '/allocations',
    handler: post,
    policy: 'placement:allocations:manage',
    body: postAllocations,
    since: '1.13',
    errors: [409],
  },
  { method: 'GET', path, handler: show, policy: 'placement:allocations:list' },
  {
    method: 'PUT',
    path,
    handler: put,
    policy: 'placement:allocations:update',
    body: putAllocations,
    errors: [409],
  },
  { method: 'DELETE', path, handler: remove, policy: 'placement:allocations:delete' },
  {
    method: 'GET',
    path: '/resource_providers/:id/allocations',
    handler: listOfOneProvider,
    policy: 'placement:resource_providers:allocations:list',
  },
];
