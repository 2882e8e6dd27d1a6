// `/servers/{id}/ips`: the server's addresses by network, bare.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { findServer } from '../find-server.ts';
import { addressesOf, vifsOf } from '../view.ts';

function bare(row: InstanceRow): Record<string, Array<{ version: number; addr: string }>> {
  const networks = Object.entries(addressesOf(vifsOf(row)));
  return Object.fromEntries(
    networks.map(([label, addresses]) => [label, addresses.map(({ version, addr }) => ({ version, addr }))]),
  );
}

async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { addresses: bare(await findServer(call, deps, 'os_compute_api:ips:index')) };
}

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const networks = bare(await findServer(call, deps, 'os_compute_api:ips:show'));
  const label = call.params['label'] ?? '';
  if (!Object.hasOwn(networks, label))
    throw new NotFound('Instance is not a member of specified network', 'no-such-network');
  return { [label]: networks[label] };
}

export const ipRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/servers/:id/ips', handler: list },
  { method: 'GET', path: '/v2.1/servers/:id/ips/:label', handler: show },
];
