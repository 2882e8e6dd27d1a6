// `addFloatingIp`: points a floating IP of the project at one of the server's addresses. Until 2.43.
import { isIPv4 } from 'node:net';
import { Type } from 'typebox';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { ipSchema, strict } from '#compute/schema-types.ts';
import { tokenOf } from '../create/check-image.ts';
import { findServer } from '../find-server.ts';
import { refreshNetworkInfo } from '../network-info.ts';
import { portsOf } from '../server-ports.ts';

export const addFloatingIpBody = Type.Object(
  {
    addFloatingIp: Type.Object({ address: ipSchema, fixed_address: Type.Optional(ipSchema) }, strict),
  },
  strict,
);

export async function addFloatingIp(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await findServer(call, deps, 'os_compute_api:os-floating-ips:add');
  const { address, fixed_address } = (
    call.body as { readonly addFloatingIp: { readonly address: string; readonly fixed_address?: string } }
  ).addFloatingIp;
  const [floating] = await deps.network.listFloatingIps(tokenOf(call), { floating_ip_address: address });
  if (!floating) throw new NotFound('floating IP not found', 'floating-ip-not-found');
  const addresses = (await portsOf(call, deps, row)).flatMap((port) =>
    port.fixed_ips.filter((ip) => isIPv4(ip.ip_address)).map((ip) => ({ port, address: ip.ip_address })),
  );
  if (addresses.length === 0) throw new InvalidInput('No fixed IPs associated to instance');
  const target =
    fixed_address === undefined ? addresses[0] : addresses.find((each) => each.address === fixed_address);
  if (!target) throw new InvalidInput('Specified fixed address not assigned to instance');
  try {
    await deps.network.updateFloatingIp(tokenOf(call), floating.id, {
      port_id: target.port.id,
      fixed_ip_address: target.address,
    });
  } catch (error) {
    // The address has a floating IP already: compute answers 400 to that.
    if (error instanceof DomainError && error.kind === 'conflict') throw new InvalidInput(error.message);
    throw error;
  }
  await refreshNetworkInfo(deps, row);
}
