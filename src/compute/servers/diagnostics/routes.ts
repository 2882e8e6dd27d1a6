// `/servers/{id}/diagnostics`: what the hypervisor counts for a running guest.
import { rpcClient } from '#platform/bus/bus.ts';
import type { Call } from '#platform/http/api.ts';
import { agentQueue, type AgentRpc } from '#compute/rpc.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { findServer } from '../find-server.ts';
import { checkState } from '../states.ts';

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-server-diagnostics');
  checkState('get_diagnostics', row, { task: 'any', host: true });
  const agent = rpcClient<AgentRpc>(deps.bus, agentQueue(row.host ?? ''));
  return agent.call('getDiagnostics', { instance_id: row.id });
}

export const diagnosticsRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/servers/:id/diagnostics', handler: show, errors: [409] },
];
