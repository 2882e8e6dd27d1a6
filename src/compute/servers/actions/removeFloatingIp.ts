// `removeFloatingIp`: takes a floating IP off the server. Until 2.43.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, NotFound } from '#compute/errors.ts';
import { ipSchema, strict } from '#compute/schema-types.ts';
import { tokenOf } from '../create/check-image.ts';
import { findServer } from '../find-server.ts';
import { refreshNetworkInfo } from '../network-info.ts';
import { portsOf } from '../server-ports.ts';

export const removeFloatingIpBody = Type.Object(
  { removeFloatingIp: Type.Object({ address: ipSchema }, strict) },
  strict,
);

export async function removeFloatingIp(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await findServer(call, deps, 'os_compute_api:os-floating-ips:remove');
  const { address } = (call.body as { readonly removeFloatingIp: { readonly address: string } })
    .removeFloatingIp;
  const [floating] = await deps.network.listFloatingIps(tokenOf(call), { floating_ip_address: address });
  if (!floating) throw new NotFound('floating IP not found', 'floating-ip-not-found');
  const ports = await portsOf(call, deps, row);
  if (!ports.some((port) => port.id === floating.port_id))
    throw new Conflict(`Floating IP ${address} is not associated with instance ${row.id}.`);
  await deps.network.updateFloatingIp(tokenOf(call), floating.id, { port_id: null });
  await refreshNetworkInfo(deps, row);
}
