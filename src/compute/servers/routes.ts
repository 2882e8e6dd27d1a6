// Every path of servers: the table to read first.
import type { ComputeRoute } from '#compute/deps.ts';
import { createServer } from './create/create-server.ts';
import { listServers, listServersDetail, removeServer, showServer, updateServer } from './handlers.ts';
import * as schema from './schema.ts';

export const serverRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/servers', handler: listServers, policy: 'os_compute_api:servers:index' },
  {
    method: 'POST',
    path: '/v2.1/servers',
    handler: createServer,
    body: schema.createServer,
    policy: 'os_compute_api:servers:create',
    success: 202,
    errors: [409, 503, 504],
  },
  {
    method: 'GET',
    path: '/v2.1/servers/detail',
    handler: listServersDetail,
    policy: 'os_compute_api:servers:detail',
  },
  { method: 'GET', path: '/v2.1/servers/:id', handler: showServer },
  { method: 'PUT', path: '/v2.1/servers/:id', handler: updateServer, body: schema.updateServer },
  { method: 'DELETE', path: '/v2.1/servers/:id', handler: removeServer, success: 204, errors: [409] },
];
