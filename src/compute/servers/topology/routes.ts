// `/servers/{id}/topology`: NUMA cells of a server. Guests have none here, which is what every answer says.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { findServer } from '../find-server.ts';

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  await findServer(call, deps, 'compute:server:topology:index');
  return { nodes: [], pagesize_kb: null };
}

export const topologyRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/servers/:id/topology', handler: show, since: '2.78' },
];
