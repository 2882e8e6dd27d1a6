// /v2.0/floatingip_pools: the subnets that floating IPs come from. Nothing is stored here.
import type { Call, Route } from '#platform/http/api.ts';
import { visibleNetworks } from '../networks/store.ts';
import { ANY_READER, rules } from '../policy.ts';
import { callerOf, type NetworkDeps, type View } from '../rest/deps.ts';
import { answerViews } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';
import { equals, inList, selectColumns, selectRows } from '../rest/select.ts';

export const floatingIpPoolPolicy = rules({ get_floatingip_pool: ANY_READER });

const ATTRIBUTES = new Set(['subnet_id', 'subnet_name', 'network_id', 'cidr', 'project_id']);

/** Floating IPs are IPv4. Each pool is the caller's own, as upstream has it: anybody may take an address out of it. */
async function list(call: Call, deps: NetworkDeps): Promise<View> {
  const query = parseQuery(call.query, ATTRIBUTES);
  const caller = callerOf(call);
  const db = deps.db.kysely;
  const networks = await selectColumns(
    db,
    'networks',
    ['id'],
    [equals('external', 1), visibleNetworks(caller)],
  );
  const subnets = await selectRows(db, 'subnets', [
    inList(
      deps.db.engine,
      'network_id',
      networks.map((row) => String(row['id'])),
    ),
    equals('ip_version', 4),
  ]);
  const views = subnets
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((subnet) => ({
      subnet_id: subnet.id,
      subnet_name: subnet.name,
      network_id: subnet.network_id,
      cidr: subnet.cidr,
      project_id: caller.projectId,
      tenant_id: caller.projectId,
    }))
    .filter((view: View) =>
      [...query.filters].every(([name, values]) => values.includes(String(view[name]))),
    );
  return answerViews(call, 'floatingip_pools', query, views, deps, 'subnet_id');
}

export const floatingIpPoolRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path: '/v2.0/floatingip_pools', handler: list, policy: 'get_floatingip_pool' },
];
