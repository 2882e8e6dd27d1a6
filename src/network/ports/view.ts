// Ports as the API shows them: rows, addresses, groups, and the status that OVN gives them now.
import type { IpAllocationRow, PortRow } from '../tables.ts';
import type { Caller, NetworkDeps, Sql, View } from '../rest/deps.ts';
import type { Needed } from '../rest/listing.ts';
import { inList, selectRows } from '../rest/select.ts';
import { policyOfPort } from '../qos-policies/effective.ts';
import { resourceRequest } from '../qos-policies/resource-request.ts';
import { rulesOfPolicies } from '../qos-policies/store.ts';
import { trunkDetails } from '../trunks/details.ts';
import { portStatus } from './status.ts';

export async function viewPorts(
  rows: readonly PortRow[],
  _caller: Caller,
  deps: NetworkDeps,
  db: Sql,
  needed?: Needed,
): Promise<View[]> {
  const ids = rows.map((row) => row.id);
  if (ids.length === 0) return [];
  const { engine } = deps.db;
  const addressed = !needed || needed.has('fixed_ips') || needed.has('dns_assignment');
  const addresses = Map.groupBy(
    addressed ? await selectRows(db, 'ip_allocations', [inList(engine, 'port_id', ids)]) : [],
    (row) => row.port_id,
  );
  const groups = Map.groupBy(
    await selectRows(db, 'port_security_groups', [inList(engine, 'port_id', ids)]),
    (row) => row.port_id,
  );
  const qos = await qosOf(rows, deps, db);
  const trunks =
    needed?.has('trunk_details') === false ? new Map<string, View>() : await trunkDetails(rows, deps, db);
  return rows.map((row) => ({
    ...viewPort(
      row,
      (addresses.get(row.id) ?? []).sort((a, b) => a.position - b.position),
      (groups.get(row.id) ?? []).map((each) => each.security_group_id),
      deps,
    ),
    ...qos(row),
    ...trunks.get(row.id),
  }));
}

/** Policies of the ports and what these make them ask of a host: two statements, however many ports there are. */
async function qosOf(
  rows: readonly PortRow[],
  { db: { engine } }: NetworkDeps,
  db: Sql,
): Promise<(row: PortRow) => View> {
  const networkIds = [...new Set(rows.map((row) => row.network_id))];
  const networks = new Map(
    (await selectRows(db, 'networks', [inList(engine, 'id', networkIds)])).map((each) => [each.id, each]),
  );
  const named = [...rows, ...networks.values()].flatMap((row) => row.qos_policy_id ?? []);
  const rules = await rulesOfPolicies(db, engine, [...new Set(named)]);
  return (row) => {
    const network = networks.get(row.network_id);
    const policy = policyOfPort(row, network?.qos_policy_id);
    return {
      qos_policy_id: row.qos_policy_id,
      qos_network_policy_id: network?.qos_policy_id ?? null,
      resource_request: resourceRequest(row, network, rules.get(policy ?? '') ?? []),
    };
  };
}

function viewPort(
  row: PortRow,
  addresses: readonly IpAllocationRow[],
  groups: readonly string[],
  deps: NetworkDeps,
): View {
  const vif = viewVif(row.binding_host_id !== '');
  return {
    name: row.name,
    network_id: row.network_id,
    admin_state_up: row.admin_state_up === 1,
    status: portStatus(row, deps.northbound.portState(row.id)),
    mac_address: row.mac_address,
    fixed_ips: addresses.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    device_id: row.device_id,
    device_owner: row.device_owner,
    security_groups: groups,
    port_security_enabled: row.port_security_enabled === 1,
    allowed_address_pairs: parseList(row.allowed_address_pairs),
    extra_dhcp_opts: parseList(row.extra_dhcp_opts),
    'binding:vnic_type': row.binding_vnic_type,
    'binding:host_id': row.binding_host_id,
    'binding:profile': row.binding_profile === '{}' ? {} : (JSON.parse(row.binding_profile) as unknown),
    'binding:vif_type': vif.vif_type,
    'binding:vif_details': vif.vif_details,
    dns_name: row.dns_name,
    dns_domain: row.dns_domain,
    dns_assignment: addresses.map(({ ip_address: ip }) => dnsAssignment(row, ip, deps)),
  };
}

/** How hosts plug a port that is bound to them. */
export function viewVif(bound: boolean): { vif_type: string; vif_details: View } {
  if (!bound) return { vif_type: 'unbound', vif_details: {} };
  return {
    vif_type: 'ovs',
    vif_details: {
      port_filter: true,
      connectivity: 'l2',
      bound_drivers: { '0': 'ovn' },
      bridge_name: 'br-int',
      datapath_type: 'system',
    },
  };
}

function parseList(json: string): unknown {
  return json === '[]' ? [] : (JSON.parse(json) as unknown);
}

function dnsAssignment(row: PortRow, ip: string, deps: NetworkDeps): View {
  const hostname = row.dns_name || `host-${ip.replaceAll(/[.:]/g, '-')}`;
  return { hostname, ip_address: ip, fqdn: `${hostname}.${deps.config.dnsDomain}` };
}
