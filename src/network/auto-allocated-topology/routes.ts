// /v2.0/auto-allocated-topology/{project}: a network with subnets and a router for a project that asks for "auto".
// Needs a default external network and default subnet pools, which an administrator provides.
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import { badRequest, NetworkError } from '../errors.ts';
import { createNetwork, removeNetwork } from '../networks/handlers.ts';
import { MEMBER, READER, rules } from '../policy.ts';
import { checkQuota } from '../quotas/limits.ts';
import type { Operation } from '../rest/crud.ts';
import { callerOf, type NetworkDeps, type Sql, type View } from '../rest/deps.ts';
import type { Unit } from '../rest/northbound-work.ts';
import { equals, selectRows } from '../rest/select.ts';
import { createRouter, removeRouter } from '../routers/handlers.ts';
import { connectSubnet, disconnect } from '../routers/interfaces.ts';
import { createSubnet } from '../subnets/handlers.ts';
import type { NetworkRow, RouterRow } from '../tables.ts';

export const autoTopologyPolicy = rules({
  get_auto_allocated_topology: READER,
  delete_auto_allocated_topology: MEMBER,
});

/** As the identity service makes them: 32 digits, or with the hyphens of a UUID. */
const PROJECT_ID = /^[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}$/;

const NAME = 'auto_allocated_network';
const ROUTER_NAME = 'auto_allocated_router';

async function find(
  db: Sql,
  projectId: string,
): Promise<{ network: NetworkRow; router: RouterRow } | undefined> {
  const own = [equals('project_id', projectId)];
  const [network] = await selectRows(db, 'networks', [...own, equals('name', NAME)]);
  const [router] = await selectRows(db, 'routers', [...own, equals('name', ROUTER_NAME)]);
  return network && router ? { network, router } : undefined;
}

interface Ground {
  readonly external: NetworkRow;
  readonly poolIds: readonly string[];
}

/** @throws NetworkError 400 naming what the administrator has to provide first. */
async function ground(db: Sql): Promise<Ground> {
  const [external] = await selectRows(db, 'networks', [equals('is_default', 1), equals('external', 1)]);
  const pools = await selectRows(db, 'subnetpools', [equals('is_default', 1)]);
  const missing = external
    ? pools.length === 0
      ? 'No default subnetpools defined'
      : undefined
    : 'No default router:external network';
  if (!external || missing !== undefined)
    throw badRequest('AutoAllocationFailure', `Deployment error: ${missing}.`);
  return { external, poolIds: pools.map((pool) => pool.id) };
}

async function show(call: Call, deps: NetworkDeps): Promise<View> {
  const projectId = projectOf(call, 'get_auto_allocated_topology');
  if (call.query.getAll('fields').includes('dry-run')) {
    await ground(deps.db.kysely);
    return { auto_allocated_topology: { id: 'dry-run=pass', tenant_id: projectId, project_id: projectId } };
  }
  const existing = await find(deps.db.kysely, projectId);
  const network =
    existing?.network ?? (await deps.work.commit((unit) => make(call, deps, unit, projectId))).result;
  return { auto_allocated_topology: { id: network.id, tenant_id: projectId, project_id: projectId } };
}

function projectOf(call: Call, rule: string): string {
  const named = call.params['id'] ?? '';
  const projectId = named === 'None' ? (call.principal.projectId ?? '') : named;
  // An administrator may ask for any project, and nobody knows here which there are: what can be none gets nothing.
  if (!PROJECT_ID.test(projectId))
    throw new NetworkError('not-found', 'ProjectNotFound', 'There is no such project.');
  call.enforce(rule, { project_id: projectId });
  return projectId;
}

async function make(call: Call, deps: NetworkDeps, unit: Unit, projectId: string): Promise<NetworkRow> {
  const again = await find(unit.trx, projectId);
  if (again) return again.network;
  const { external, poolIds } = await ground(unit.trx);
  for (const resource of ['network', 'router']) await checkQuota(unit.trx, deps, resource, projectId, 1);
  await checkQuota(unit.trx, deps, 'subnet', projectId, poolIds.length);
  const operation: Operation = { call, deps, unit, caller: callerOf(call) };
  const network = await createNetwork(operation, { name: NAME }, projectId);
  const router = await createRouter(
    operation,
    { name: ROUTER_NAME, external_gateway_info: { network_id: external.id } },
    projectId,
  );
  for (const subnetpool_id of poolIds) {
    const subnet = await createSubnet(operation, { network_id: network.id, subnetpool_id }, projectId);
    await connectSubnet(operation, router, subnet.id);
  }
  return network;
}

async function remove(call: Call, deps: NetworkDeps): Promise<Reply> {
  const projectId = projectOf(call, 'delete_auto_allocated_topology');
  await deps.work.commit(async (unit) => {
    const found = await find(unit.trx, projectId);
    if (!found)
      throw new NetworkError(
        'not-found',
        'HTTPNotFound',
        `Project ${projectId} has no auto-allocated topology.`,
      );
    const operation: Operation = { call, deps, unit, caller: callerOf(call) };
    for (const subnet of await selectRows(unit.trx, 'subnets', [equals('network_id', found.network.id)]))
      await disconnect(operation, found.router, { subnet_id: subnet.id });
    await removeRouter(operation, found.router);
    await removeNetwork(operation, found.network);
  });
  return new Reply(204);
}

const path = '/v2.0/auto-allocated-topology/:id';
export const autoTopologyRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path, handler: show, errors: [409] },
  { method: 'DELETE', path, handler: remove, success: 204, errors: [409] },
];
