// What the renderers know of the service's database, already read: rows by id, and the lists that join them.
import type {
  AddressGroupRow,
  FloatingIpRow,
  IpAllocationRow,
  NetworkRow,
  PortForwardingRow,
  PortRow,
  QosRuleRow,
  RouterRow,
} from '../tables.ts';
import type { SecurityGroupRow, SecurityGroupRuleRow, SubnetRow } from '../tables.ts';

import type { TrunkPlace } from './trunk-places.ts';

export interface Facts {
  readonly networks: ReadonlyMap<string, NetworkRow>;
  readonly subnets: ReadonlyMap<string, SubnetRow>;
  readonly ports: ReadonlyMap<string, PortRow>;
  readonly routers: ReadonlyMap<string, RouterRow>;
  readonly securityGroups: ReadonlyMap<string, SecurityGroupRow>;
  readonly addressGroups: ReadonlyMap<string, AddressGroupRow>;
  /** In the order of the port's `fixed_ips`. */
  readonly addressesOfPort: ReadonlyMap<string, readonly IpAllocationRow[]>;
  readonly trunkPlaceOfPort: ReadonlyMap<string, TrunkPlace>;
  /** Hosts that may plug the port beside the one that it is bound to. */
  readonly furtherHostsOfPort: ReadonlyMap<string, readonly string[]>;
  readonly groupsOfPort: ReadonlyMap<string, readonly string[]>;
  readonly rulesOfGroup: ReadonlyMap<string, readonly SecurityGroupRuleRow[]>;
  /** Interfaces and gateway. */
  readonly portsOfRouter: ReadonlyMap<string, readonly PortRow[]>;
  readonly floatingIpsOfRouter: ReadonlyMap<string, readonly FloatingIpRow[]>;
  readonly forwardingsOfFloatingIp: ReadonlyMap<string, readonly PortForwardingRow[]>;
  /** By the policy's id. */
  readonly rulesOfPolicy: ReadonlyMap<string, readonly QosRuleRow[]>;
  /** The port of each network through which hosts answer the metadata address. */
  readonly metadataPortOfNetwork: ReadonlyMap<string, PortRow>;
}

/** Options that shape the rows. */
export interface RenderOptions {
  /** With or without the dot at the end. */
  readonly dnsDomain: string;
  readonly dhcpLeaseSeconds: number;
  /** Floating IPs of bound ports are translated on the port's own host, not on the gateway's. */
  readonly distributedFloatingIps: boolean;
}

/** `10.0.0.5/24`: each address of a port with its subnet's prefix length. */
export function cidrsOfPort(portId: string, facts: Facts): string[] {
  return (facts.addressesOfPort.get(portId) ?? []).map((address) => {
    const length = facts.subnets.get(address.subnet_id)?.cidr.split('/')[1];
    return `${address.ip_address}/${length ?? (address.ip_address.includes(':') ? 128 : 32)}`;
  });
}

export function subnetsOfPort(portId: string, facts: Facts): SubnetRow[] {
  return (facts.addressesOfPort.get(portId) ?? []).flatMap(
    (address) => facts.subnets.get(address.subnet_id) ?? [],
  );
}

/** Whether OVN answers DHCP for the subnet: v6 only where addresses or options are to come from DHCPv6. */
export function hasDhcp(subnet: SubnetRow): boolean {
  if (subnet.enable_dhcp !== 1) return false;
  return subnet.ip_version === 4 || (subnet.ipv6_address_mode ?? 'slaac') !== 'slaac';
}
