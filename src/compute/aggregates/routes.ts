// `/os-aggregates`: groups of hosts, which also make the availability zones.
import type { ComputeRoute } from '#compute/deps.ts';
import { addHost } from './actions/add_host.ts';
import { removeHost } from './actions/remove_host.ts';
import { setMetadata } from './actions/set_metadata.ts';
import { cacheImages } from './images.ts';
import { create, list, remove, show, update } from './handlers.ts';
import * as schema from './schema.ts';

const path = '/v2.1/os-aggregates';
const rule = (name: string): string => `os_compute_api:os-aggregates:${name}`;

export const aggregateRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, policy: rule('index') },
  {
    method: 'POST',
    path,
    handler: create,
    policy: rule('create'),
    body: schema.createAggregate,
    errors: [409],
  },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: rule('show') },
  {
    method: 'PUT',
    path: `${path}/:id`,
    handler: update,
    policy: rule('update'),
    body: schema.updateAggregate,
    errors: [409],
  },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, policy: rule('delete') },
  {
    method: 'POST',
    path: `${path}/:id/action`,
    actions: [
      { key: 'add_host', handler: addHost, body: schema.addHost, policy: rule('add_host'), success: 200 },
      {
        key: 'remove_host',
        handler: removeHost,
        body: schema.removeHost,
        policy: rule('remove_host'),
        success: 200,
      },
      {
        key: 'set_metadata',
        handler: setMetadata,
        body: schema.setMetadata,
        policy: rule('set_metadata'),
        success: 200,
      },
    ],
    errors: [409],
  },
  {
    method: 'POST',
    path: `${path}/:id/images`,
    handler: cacheImages,
    policy: 'compute:aggregates:images',
    body: schema.cacheImages,
    success: 202,
    since: '2.81',
  },
];
