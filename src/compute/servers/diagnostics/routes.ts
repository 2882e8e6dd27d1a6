// `/servers/{id}/diagnostics`: what the hypervisor counts for a running guest.
import { rpcClient } from '#platform/bus/bus.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { agentQueue, type AgentRpc } from '#compute/rpc.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { findServer } from '../find-server.ts';
import { checkState } from '../states.ts';
import { findNode } from '../store.ts';
import { countersView, diagnosticsView, type GuestCounters } from './view.ts';

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-server-diagnostics');
  checkState('get_diagnostics', row, { task: 'any', host: true });
  const host = row.host ?? ''; // checked
  const agent = rpcClient<AgentRpc>(deps.bus, agentQueue(host));
  const counters = (await agent.call('getDiagnostics', { instance_id: row.id })) as unknown as GuestCounters;
  if (!atLeast(call.microversion, '2.48')) return countersView(counters);
  const node = await findNode(deps.db.kysely, { host });
  const hypervisor = node?.hypervisor_type.toLowerCase() ?? null;
  return diagnosticsView(counters, row, { hypervisor, now: deps.clock.now() });
}

export const diagnosticsRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/servers/:id/diagnostics', handler: show, errors: [409] },
];
