// `/flavors`: sizes of servers.
import type { ComputeRoute } from '#compute/deps.ts';
import { create, listBrief, listDetail, remove, show, update } from './handlers.ts';
import { createFlavor, createFlavor_2_55, updateFlavor_2_55 } from './schema.ts';

const path = '/v2.1/flavors';

export const flavorRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listBrief },
  {
    method: 'POST',
    path,
    handler: create,
    policy: 'os_compute_api:os-flavor-manage:create',
    body: [{ schema: createFlavor }, { since: '2.55', schema: createFlavor_2_55 }],
    errors: [409],
  },
  { method: 'GET', path: `${path}/detail`, handler: listDetail },
  { method: 'GET', path: `${path}/:id`, handler: show },
  {
    method: 'PUT',
    path: `${path}/:id`,
    handler: update,
    since: '2.55',
    policy: 'os_compute_api:os-flavor-manage:update',
    body: updateFlavor_2_55,
  },
  {
    method: 'DELETE',
    path: `${path}/:id`,
    handler: remove,
    policy: 'os_compute_api:os-flavor-manage:delete',
    success: 202,
  },
];
