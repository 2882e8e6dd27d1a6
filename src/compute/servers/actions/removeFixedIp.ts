// `removeFixedIp`: takes one address off the server's port. Until 2.43.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { ipSchema, strict } from '#compute/schema-types.ts';
import { tokenOf } from '../create/check-image.ts';
import { admitAction } from '../begin-action.ts';
import { refreshNetworkInfo } from '../network-info.ts';
import { portsOf } from '../server-ports.ts';

export const removeFixedIpBody = Type.Object(
  { removeFixedIp: Type.Object({ address: ipSchema }, strict) },
  strict,
);

export async function removeFixedIp(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await admitAction(call, deps, {
    action: 'removeFixedIp',
    rule: 'os_compute_api:os-multinic:remove',
    from: { vm: ['active', 'paused', 'suspended', 'stopped'], task: 'any' },
  });
  const { address } = (call.body as { readonly removeFixedIp: { readonly address: string } }).removeFixedIp;
  const has = (ip: { readonly ip_address: string }): boolean => ip.ip_address === address;
  const port = (await portsOf(call, deps, row)).find((each) => each.fixed_ips.some(has));
  if (!port)
    throw new InvalidInput(`Fixed IP ${address} was not found on instance ${row.id}.`, 'fixed-ip-not-found');
  await deps.network.updatePort(tokenOf(call), port.id, {
    fixed_ips: port.fixed_ips.filter((ip) => !has(ip)),
  });
  await refreshNetworkInfo(deps, row);
}
