// Networks as the API shows them.
import type { NetworkRow, SubnetRow } from '../tables.ts';
import type { Caller, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { inList, selectRows } from '../rest/select.ts';
import { networkPolicies } from './store.ts';

export async function viewNetworks(
  rows: readonly NetworkRow[],
  caller: Caller,
  deps: NetworkDeps,
  db: Sql,
): Promise<View[]> {
  const ids = rows.map((row) => row.id);
  const { engine } = deps.db;
  if (ids.length === 0) return [];
  const subnets = await selectRows(db, 'subnets', [inList(engine, 'network_id', ids)]);
  const policies = await networkPolicies(db, engine, ids);
  const shared = new Set(
    policies
      .filter(
        (each) => each.action === 'access_as_shared' && ['*', caller.projectId].includes(each.target_project),
      )
      .map((each) => each.object_id),
  );
  const scopes = await scopesOf(db, engine, subnets);
  return rows.map((row) => {
    const own = subnets.filter((subnet) => subnet.network_id === row.id);
    return { ...viewNetwork(row, own, scopes), shared: shared.has(row.id) };
  });
}

function viewNetwork(
  row: NetworkRow,
  subnets: readonly SubnetRow[],
  scopes: ReadonlyMap<string, string>,
): View {
  const hints = JSON.parse(row.availability_zone_hints) as string[];
  const scope = (version: number): string | null =>
    subnets
      .filter((subnet) => subnet.ip_version === version)
      .map((subnet) => scopes.get(subnet.subnetpool_id ?? ''))
      .find((id) => id !== undefined) ?? null;
  return {
    name: row.name,
    status: 'ACTIVE',
    admin_state_up: row.admin_state_up === 1,
    mtu: row.mtu,
    port_security_enabled: row.port_security_enabled === 1,
    'router:external': row.external === 1,
    ...(row.external === 1 ? { is_default: row.is_default === 1 } : {}),
    dns_domain: row.dns_domain,
    qos_policy_id: row.qos_policy_id,
    subnets: subnets.map((subnet) => subnet.id),
    availability_zone_hints: hints,
    availability_zones: hints,
    ipv4_address_scope: scope(4),
    ipv6_address_scope: scope(6),
    'provider:network_type': row.network_type,
    'provider:physical_network': row.physical_network,
    'provider:segmentation_id': row.segmentation_id,
  };
}

async function scopesOf(
  db: Sql,
  engine: NetworkDeps['db']['engine'],
  subnets: readonly SubnetRow[],
): Promise<Map<string, string>> {
  const pools = [...new Set(subnets.flatMap((subnet) => subnet.subnetpool_id ?? []))];
  if (pools.length === 0) return new Map();
  const rows = await selectRows(db, 'subnetpools', [inList(engine, 'id', pools)]);
  return new Map(
    rows.flatMap((row) => (row.address_scope_id ? [[row.id, row.address_scope_id] as const] : [])),
  );
}
