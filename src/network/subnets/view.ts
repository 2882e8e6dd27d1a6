// Subnets as the API shows them.
import type { SubnetRow } from '../tables.ts';
import type { View } from '../rest/deps.ts';

export async function viewSubnets(rows: readonly SubnetRow[]): Promise<View[]> {
  return rows.map((row) => ({
    name: row.name,
    network_id: row.network_id,
    ip_version: row.ip_version,
    cidr: row.cidr,
    gateway_ip: row.gateway_ip,
    enable_dhcp: row.enable_dhcp === 1,
    ipv6_ra_mode: row.ipv6_ra_mode,
    ipv6_address_mode: row.ipv6_address_mode,
    allocation_pools: JSON.parse(row.allocation_pools) as unknown,
    dns_nameservers: JSON.parse(row.dns_nameservers) as unknown,
    host_routes: JSON.parse(row.host_routes) as unknown,
    service_types: JSON.parse(row.service_types) as unknown,
    subnetpool_id: row.subnetpool_id,
    dns_publish_fixed_ip: row.dns_publish_fixed_ip === 1,
  }));
}
