// `/resource_providers/{uuid}/inventories`: what a provider has.
import type { PlacementRoute } from '#placement/deps.ts';
import { create, list, refuseRemoveAll, remove, removeAll, replace, show, update } from './handlers.ts';
import * as schema from './schema.ts';

const path = '/resource_providers/:id/inventories';
const rule = (name: string): string => `placement:resource_providers:inventories:${name}`;
const errors = [409];

export const inventoryRoutes: readonly PlacementRoute[] = [
  { method: 'GET', path, handler: list, policy: rule('list') },
  { method: 'PUT', path, handler: replace, policy: rule('update'), body: schema.replaceInventories, errors },
  { method: 'POST', path, handler: create, policy: rule('create'), body: schema.createInventory, errors },
  { method: 'DELETE', path, handler: refuseRemoveAll, until: '1.4', errors: [405] },
  { method: 'DELETE', path, handler: removeAll, policy: rule('delete'), since: '1.5', errors },
  { method: 'GET', path: `${path}/:class`, handler: show, policy: rule('show') },
  {
    method: 'PUT',
    path: `${path}/:class`,
    handler: update,
    policy: rule('update'),
    body: schema.updateInventory,
    errors,
  },
  { method: 'DELETE', path: `${path}/:class`, handler: remove, policy: rule('delete'), errors },
];
