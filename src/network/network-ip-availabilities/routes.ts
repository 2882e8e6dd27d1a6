// /v2.0/network-ip-availabilities: how many addresses each network has and how many are in use.
import { sql } from 'kysely';
import type { Call, Route } from '#platform/http/api.ts';
import type { NetworkRow, SubnetRow } from '../tables.ts';
import { notFound } from '../errors.ts';
import { poolRanges } from '../ipam/allocate.ts';
import { ADMIN, rules } from '../policy.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';
import { answerViews } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';
import { equals, inList, selectRows, TRUE, type Condition } from '../rest/select.ts';

export const ipAvailabilityPolicy = rules({ get_network_ip_availability: ADMIN });

async function availability(deps: NetworkDeps, conditions: readonly Condition[]): Promise<View[]> {
  const db = deps.db.kysely;
  const networks = await selectRows(db, 'networks', conditions);
  const subnets = await selectRows(db, 'subnets', [
    inList(
      deps.db.engine,
      'network_id',
      networks.map((row) => row.id),
    ),
  ]);
  const { rows: used } = await sql<{
    subnet_id: string;
    n: number;
  }>`select subnet_id, count(*) as n from ip_allocations
    where ${inList(
      deps.db.engine,
      'subnet_id',
      subnets.map((row) => row.id),
    )} group by subnet_id`.execute(db);
  const counts = new Map(used.map((row) => [row.subnet_id, Number(row.n)]));
  return networks.map((network) =>
    viewNetwork(
      network,
      subnets.filter((each) => each.network_id === network.id),
      counts,
    ),
  );
}

function viewNetwork(
  network: NetworkRow,
  subnets: readonly SubnetRow[],
  counts: ReadonlyMap<string, number>,
): View {
  const views = subnets.map((subnet) => ({
    subnet_id: subnet.id,
    subnet_name: subnet.name,
    ip_version: subnet.ip_version,
    cidr: subnet.cidr,
    total_ips: Number(poolRanges(subnet).reduce((sum, range) => sum + range.last - range.first + 1n, 0n)),
    used_ips: counts.get(subnet.id) ?? 0,
  }));
  return {
    network_id: network.id,
    network_name: network.name,
    project_id: network.project_id,
    tenant_id: network.project_id,
    total_ips: views.reduce((sum, view) => sum + view.total_ips, 0),
    used_ips: views.reduce((sum, view) => sum + view.used_ips, 0),
    subnet_ip_availability: views,
  };
}

const ATTRIBUTES = new Set(['network_id', 'network_name', 'project_id', 'ip_version']);

async function list(call: Call, deps: NetworkDeps): Promise<View> {
  const query = parseQuery(call.query, ATTRIBUTES);
  const { filters } = query;
  const version = filters.get('ip_version')?.[0];
  const views = (await availability(deps, [TRUE])).filter((view) =>
    [...filters].every(([name, values]) => name === 'ip_version' || values.includes(String(view[name]))),
  );
  const answer = (page: readonly View[]): View =>
    answerViews(call, 'network_ip_availabilities', query, page, deps, 'network_id');
  if (version === undefined) return answer(views);
  const narrowed = views.map((view) => {
    const subnets = (view['subnet_ip_availability'] as View[]).filter(
      (each) => String(each['ip_version']) === version,
    );
    const sum = (key: string): number => subnets.reduce((total, each) => total + Number(each[key]), 0);
    return {
      ...view,
      subnet_ip_availability: subnets,
      total_ips: sum('total_ips'),
      used_ips: sum('used_ips'),
    };
  });
  return answer(narrowed);
}

async function show(call: Call, deps: NetworkDeps): Promise<View> {
  const id = call.params['id'] ?? '';
  const [view] = await availability(deps, [equals('id', id)]);
  if (!view) throw notFound('network', id);
  return { network_ip_availability: view };
}

const policy = 'get_network_ip_availability';
export const ipAvailabilityRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path: '/v2.0/network-ip-availabilities', handler: list, policy },
  { method: 'GET', path: '/v2.0/network-ip-availabilities/:id', handler: show, policy },
];
