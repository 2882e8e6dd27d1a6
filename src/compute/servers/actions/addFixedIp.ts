// `addFixedIp`: one more address, from a network that the server is on, for the server's port there. Until 2.43.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { strict } from '#compute/schema-types.ts';
import { tokenOf } from '../create/check-image.ts';
import { admitAction } from '../begin-action.ts';
import { refreshNetworkInfo } from '../network-info.ts';
import { portsOf } from '../server-ports.ts';

export const addFixedIpBody = Type.Object(
  {
    addFixedIp: Type.Object(
      { networkId: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]) },
      strict,
    ),
  },
  strict,
);

export async function addFixedIp(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await admitAction(call, deps, {
    action: 'addFixedIp',
    rule: 'os_compute_api:os-multinic:add',
    from: { vm: ['active', 'paused', 'suspended', 'stopped'], task: 'any' },
  });
  const body = call.body as { readonly addFixedIp: { readonly networkId: string | number } };
  const networkId = String(body.addFixedIp.networkId);
  const port = (await portsOf(call, deps, row)).find((each) => each.network_id === networkId);
  if (!port)
    throw new InvalidInput(`Network not found for instance ${row.id}: it has no port on ${networkId}.`);
  const subnet = port.fixed_ips[0]?.subnet_id;
  if (subnet === undefined)
    throw new InvalidInput(`The port on network ${networkId} has no subnet to take an address from.`);
  await deps.network.updatePort(tokenOf(call), port.id, {
    fixed_ips: [...port.fixed_ips, { subnet_id: subnet }],
  });
  await refreshNetworkInfo(deps, row);
}
