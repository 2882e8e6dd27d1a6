// Server groups: servers that should, or should not, share a host.
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { readLimit } from '#compute/paging.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { ServerGroupRow } from './tables.ts';
import {
  findServerGroup,
  insertServerGroup,
  listMembers,
  listServerGroups,
  removeServerGroup,
} from './store.ts';

const MOST = 1000;

type Json = Record<string, unknown>;

function view(call: Call, row: ServerGroupRow, members: readonly string[]): Json {
  return {
    id: row.id,
    name: row.name,
    ...(atLeast(call.microversion, '2.64')
      ? { policy: row.policy, rules: JSON.parse(row.rules_json) as unknown }
      : { policies: [row.policy], metadata: {} }),
    members,
    ...(atLeast(call.microversion, '2.13') ? { project_id: row.project_id, user_id: row.user_id } : {}),
  };
}

export async function listAll(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['all_projects', 'limit', 'offset']);
  // whoever may not see all gets their own, as upstream
  const all =
    call.query.has('all_projects') && call.allows('os_compute_api:os-server-groups:index:all_projects');
  const limit = readLimit(call.query, MOST);
  const offset = Number(/^\d{1,9}$/.exec(call.query.get('offset') ?? '0')?.[0] ?? Number.NaN);
  if (Number.isNaN(offset))
    throw new InvalidInput('Invalid input for query parameters offset: it must be an integer from 0 on.');
  const projectId = all ? undefined : (call.principal.projectId ?? '');
  const rows = limit === 0 ? [] : await listServerGroups(deps.db.kysely, projectId, { limit, offset });
  const members = await listMembers(
    deps.db.kysely,
    rows.map((row) => row.id),
  );
  return { server_groups: rows.map((row) => view(call, row, members.get(row.id) ?? [])) };
}

async function find(call: Call, deps: ComputeDeps, rule: string): Promise<ServerGroupRow> {
  const id = call.params['id'] ?? '';
  const row = await findServerGroup(deps.db.kysely, id);
  const absent = new NotFound(`Instance group ${id.slice(0, 255)} could not be found.`, 'no-such-group');
  if (!row) throw absent;
  const name = `os_compute_api:os-server-groups:${rule}`;
  const target = { project_id: row.project_id, user_id: row.user_id };
  if (!call.allows(name, target) && row.project_id !== call.principal.projectId) throw absent;
  call.enforce(name, target);
  return row;
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await find(call, deps, 'show');
  const members = await listMembers(deps.db.kysely, [row.id]);
  return { server_group: view(call, row, members.get(row.id) ?? []) };
}

interface CreateBody {
  readonly server_group: {
    readonly name: string;
    readonly policies?: readonly [ServerGroupRow['policy']];
    readonly policy?: ServerGroupRow['policy'];
    readonly rules?: { readonly max_server_per_host?: number | string };
  };
}

export async function create(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { server_group } = call.body as CreateBody;
  const { projectId, userId } = call.principal;
  if (projectId === undefined)
    throw new InvalidInput('A server group belongs to a project: use a token that is scoped to one.');
  const policy = server_group.policy ?? server_group.policies?.[0] ?? 'affinity';
  const most = server_group.rules?.max_server_per_host;
  if (most !== undefined && policy !== 'anti-affinity')
    throw new InvalidInput(`Only anti-affinity policy supports rules; the policy is ${policy}.`);
  const row: ServerGroupRow = {
    id: crypto.randomUUID(),
    name: server_group.name,
    project_id: projectId,
    user_id: userId,
    policy,
    rules_json: JSON.stringify(most === undefined ? {} : { max_server_per_host: Number(most) }),
    created_at: new Date(deps.clock.now()).toISOString(),
  };
  await deps.db.transaction(async (trx) => {
    await assertQuota(trx, projectId, userId, { server_groups: 1 });
    await insertServerGroup(trx, row);
  });
  return { server_group: view(call, row, []) };
}

export async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  const row = await find(call, deps, 'delete');
  await deps.db.transaction(async (trx) => removeServerGroup(trx, row.id));
  return new Reply(204);
}
