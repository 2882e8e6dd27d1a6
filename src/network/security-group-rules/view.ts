// Security group rules as the API shows them.
import type { SecurityGroupRuleRow } from '../tables.ts';
import type { View } from '../rest/deps.ts';
import { formatCidr, parseCidr } from '../ipam/address.ts';

export async function viewRules(rows: readonly SecurityGroupRuleRow[]): Promise<View[]> {
  return rows.map((row) => {
    const cidr = row.remote_ip_prefix === null ? undefined : parseCidr(row.remote_ip_prefix);
    return {
      security_group_id: row.security_group_id,
      direction: row.direction,
      ethertype: row.ethertype,
      protocol: row.protocol,
      port_range_min: row.port_range_min,
      port_range_max: row.port_range_max,
      remote_ip_prefix: row.remote_ip_prefix,
      normalized_cidr: cidr ? formatCidr(cidr) : null,
      remote_group_id: row.remote_group_id,
      remote_address_group_id: row.remote_address_group_id,
    };
  });
}
