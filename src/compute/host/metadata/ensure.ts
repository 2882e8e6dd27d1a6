// Makes metadata reachable on a network of this host, before a guest that is on it starts.
import type { HostDeps } from '../deps.ts';

/** A network without a `network:distributed` port has no DHCP and so no metadata: guests there use the config drive. */
export async function ensureMetadata(
  deps: Pick<HostDeps, 'network' | 'metadataPorts' | 'serviceToken'>,
  networkId: string,
): Promise<void> {
  const token = await deps.serviceToken();
  const [port] = await deps.network.listPorts(token, {
    network_id: networkId,
    device_owner: 'network:distributed',
  });
  if (!port) return;
  const subnets = await deps.network.listSubnets(token, { network_id: [networkId] });
  const addresses = port.fixed_ips.flatMap((ip) => {
    const prefix = subnets.find((subnet) => subnet.id === ip.subnet_id)?.cidr.split('/')[1];
    return prefix === undefined ? [] : [`${ip.ip_address}/${prefix}`];
  });
  await deps.metadataPorts.ensure({ networkId, portId: port.id, mac: port.mac_address, addresses });
}
