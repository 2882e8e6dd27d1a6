// GET, PUT and DELETE of servers. Creating is in `create/`.
import { DomainError } from '#platform/errors/domain-error.ts';
import { awaitAction } from './await-action.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { nextLink } from '#compute/paging.ts';
import { agentQueue, CONDUCTOR_QUEUE, type AgentRpc, type ConductorRpc } from '#compute/rpc.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { canonicalIpv6 } from './access-address.ts';
import { recordAction, sendWith } from './action-record.ts';
import { gatherFacts } from './facts.ts';
import { readServerQuery } from './filters.ts';
import { findServer, mayOverrideLock } from './find-server.ts';
import { listInstances, type ListedRow } from './list-store.ts';
import { softDelete } from './soft-delete.ts';
import { checkLock } from './states.ts';
import { cancelActions, findInstance, findRunningAction, updateInstance } from './store.ts';
import { briefView, serverView } from './view.ts';

export async function listServers(call: Call, deps: ComputeDeps): Promise<unknown> {
  const rows = await select(call, deps, 'index');
  const servers = rows.map((row) => briefView(call, row));
  return { servers, ...links(call, deps, '/v2.1/servers', rows) };
}

export async function listServersDetail(call: Call, deps: ComputeDeps): Promise<unknown> {
  const rows = await select(call, deps, 'detail');
  const facts = await gatherFacts(call, deps, rows);
  const servers = rows.map((row) => serverView(call, row, facts(row), 'detail'));
  return { servers, ...links(call, deps, '/v2.1/servers/detail', rows) };
}

async function select(call: Call, deps: ComputeDeps, rule: 'index' | 'detail'): Promise<ListedRow[]> {
  const query = readServerQuery(call, rule, deps.config.maxLimit);
  if (!query) return [];
  const rows = await listInstances(deps.db.kysely, query);
  if (!rows) throw new InvalidInput(`marker [${query.marker?.slice(0, 255)}] not found`, 'no-such-marker');
  return rows;
}

function links(
  call: Call,
  deps: ComputeDeps,
  path: string,
  rows: readonly ListedRow[],
): Record<string, unknown> {
  return nextLink(
    call,
    path,
    'servers',
    rows.map((row) => row.id),
    deps.config.maxLimit,
  );
}

export async function showServer(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:servers:show');
  const facts = await gatherFacts(call, deps, [row]);
  return { server: serverView(call, row, facts(row), 'show') };
}

interface UpdateBody {
  readonly server: {
    readonly name?: string;
    readonly description?: string | null;
    readonly accessIPv4?: string;
    readonly accessIPv6?: string;
    readonly 'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
    readonly hostname?: string;
  };
}

export async function updateServer(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:servers:update');
  const { server } = call.body as UpdateBody;
  const changes: Partial<InstanceRow> = {
    ...(server.name === undefined ? {} : { name: server.name }),
    ...(server.description === undefined ? {} : { description: server.description }),
    ...(server.accessIPv4 === undefined ? {} : { access_ip_v4: server.accessIPv4 || null }),
    ...(server.accessIPv6 === undefined ? {} : { access_ip_v6: canonicalIpv6(server.accessIPv6) }),
    ...(server['OS-DCF:diskConfig'] === undefined ? {} : { disk_config: server['OS-DCF:diskConfig'] }),
    ...(server.hostname === undefined ? {} : { hostname: server.hostname }),
    updated_at: new Date(deps.clock.now()).toISOString(),
  };
  await updateInstance(deps.db.kysely, row.id, changes);
  const changed = { ...row, ...changes };
  const facts = await gatherFacts(call, deps, [changed]);
  return { server: serverView(call, changed, facts(changed), 'update') };
}

export async function removeServer(call: Call, deps: ComputeDeps): Promise<Reply> {
  const rule = 'os_compute_api:servers:delete';
  if (!(await softDelete(call, deps, rule))) await startDelete(call, deps, rule);
  return new Reply(204);
}

/**
 * Marks the server as being deleted, calls off what runs on it, and sends the delete to its host; to the conductor when
 * it has none. Deleting twice is one delete.
 */
export async function startDelete(call: Call, deps: ComputeDeps, rule: string): Promise<void> {
  const handledAt = deps.clock.now();
  const { id } = await findServer(call, deps, rule);
  const hostless = await deps.db.transaction(async (trx) => {
    const row = await findInstance(trx, id);
    if (!row) return undefined;
    checkLock(row, mayOverrideLock(call));
    if (row.task_state === 'deleting' && (await findRunningAction(trx, id, 'delete'))) return undefined;
    await cancelActions(trx, id);
    await updateInstance(trx, id, {
      task_state: 'deleting',
      progress: 0,
      updated_at: new Date(deps.clock.now()).toISOString(),
    });
    const { host } = row;
    const deadlineMs = deps.config.actionDeadlineMs;
    const action = await recordAction(trx, call, deps, {
      instanceId: id,
      action: 'delete',
      host,
      deadlineMs,
      rule,
      handledAt,
    });
    await sendWith(
      trx,
      host === null
        ? rpcClient<ConductorRpc>(deps.bus, CONDUCTOR_QUEUE).message('deleteServerWithoutHost', action)
        : rpcClient<AgentRpc>(deps.bus, agentQueue(host)).message('deleteServer', action),
    );
    return host === null ? action.action_id : undefined;
  });
  // Clients take a server that is still in ERROR at their first look for one that could not be deleted. Without a host there
  // is hardly anything to do, so the answer waits for it; when it takes longer it goes on all the same.
  if (hostless !== undefined) await awaitAction(deps.db, hostless, HOSTLESS_DELETE_MS).catch(ignoreTimeout);
}

const HOSTLESS_DELETE_MS = 1000;

function ignoreTimeout(error: unknown): void {
  if (!(error instanceof DomainError) || error.kind !== 'timeout') throw error;
}
