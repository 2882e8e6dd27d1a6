// From ports, networks and subnets to the virtual interfaces that the instance entry, the guest and its metadata show.
import { isIPv6 } from 'node:net';
import type { NetworkClient, Port } from '#platform/clients/network.ts';
import type { Vif } from '../tables.ts';

/** The tap device of a port: the field's habit, so that `ip link` and OVN's tools tell operators the same name. */
export const tapName = (portId: string): string => `tap${portId.slice(0, 11)}`;

export interface VifFacts {
  /** Ports that compute made. */
  readonly owned: ReadonlySet<string>;
  /** Port id → device tag of the request. */
  readonly tags: ReadonlyMap<string, string>;
}

/** Builds the interfaces of `ports`, in their order. Three list calls, however many ports. */
export async function describeVifs(
  network: NetworkClient,
  token: string,
  ports: readonly Port[],
  facts: VifFacts,
): Promise<Vif[]> {
  if (ports.length === 0) return [];
  const networkIds = [...new Set(ports.map((port) => port.network_id))];
  const [networks, subnets, floatingIps] = await Promise.all([
    network.listNetworks(token, { id: networkIds }),
    network.listSubnets(token, { network_id: networkIds }),
    network.listFloatingIps(token, { port_id: ports.map((port) => port.id) }),
  ]);
  return ports.map((port) => {
    const net = networks.find((each) => each.id === port.network_id);
    const tag = facts.tags.get(port.id);
    return {
      port_id: port.id,
      network_id: port.network_id,
      network_label: net?.name ?? '',
      mac: port.mac_address,
      mtu: net?.mtu ?? 1442,
      devname: tapName(port.id),
      active: port.status === 'ACTIVE',
      owned: facts.owned.has(port.id),
      ...(tag === undefined ? {} : { tag }),
      fixed_ips: port.fixed_ips.map((ip) => {
        const subnet = subnets.find((each) => each.id === ip.subnet_id);
        const version = isIPv6(ip.ip_address) ? 6 : 4;
        return {
          address: ip.ip_address,
          version,
          subnet_id: ip.subnet_id,
          cidr: subnet?.cidr ?? `${ip.ip_address}/${version === 6 ? 128 : 32}`,
          gateway: subnet?.gateway_ip ?? null,
          dns: subnet?.dns_nameservers ?? [],
          mode: version === 4 ? (subnet?.enable_dhcp ? 'dhcp' : null) : (subnet?.ipv6_address_mode ?? null),
          routes: subnet?.host_routes ?? [],
          floating_ips: floatingIps
            .filter((each) => each.port_id === port.id && each.fixed_ip_address === ip.ip_address)
            .map((each) => each.floating_ip_address),
        };
      }),
    };
  });
}
