// /v2.0/rbac-policies: whom a project lets use its networks, security groups, address scopes,
// subnet pools and QoS policies.
import { isUniqueViolation } from '#platform/sql/database.ts';
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import { Type } from 'typebox';
import type { RbacPolicyRow } from '../tables.ts';
import { badRequest, conflict, notFound, ownerless, type NetworkError } from '../errors.ts';
import { isUsedByOthers } from '../networks/store.ts';
import { ADMIN, MEMBER, READER, rules } from '../policy.ts';
import { isPolicyUsedByOthers } from '../qos-policies/store.ts';
import { checkQuota } from '../quotas/limits.ts';
import { Project, Text, Uuid } from '../rest/attributes.ts';
import { callerOf, type NetworkDeps, type Sql, type View } from '../rest/deps.ts';
import { answerViews } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';
import {
  bumpRevision,
  deleteRows,
  equals,
  findRow,
  insertRow,
  selectRows,
  TRUE,
  type StandardTable,
} from '../rest/select.ts';

const TABLES: Readonly<Record<string, StandardTable>> = {
  network: 'networks',
  security_group: 'security_groups',
  address_scope: 'address_scopes',
  subnetpool: 'subnetpools',
  qos_policy: 'qos_policies',
};

export const rbacPolicy = rules({
  create_rbac_policy: MEMBER,
  'create_rbac_policy:target_tenant': ADMIN,
  get_rbac_policy: READER,
  update_rbac_policy: MEMBER,
  delete_rbac_policy: MEMBER,
});

const Target = { target_tenant: Type.Optional(Project), target_project: Type.Optional(Project) };
const createBody = Type.Object(
  {
    rbac_policy: Type.Object(
      {
        object_type: Text(64),
        object_id: Uuid,
        action: Text(64),
        ...Target,
        project_id: Type.Optional(Project),
        tenant_id: Type.Optional(Project),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
const updateBody = Type.Object(
  { rbac_policy: Type.Object(Target, { additionalProperties: false }) },
  { additionalProperties: false },
);

type Body = { rbac_policy: Readonly<Record<string, string | undefined>> };

function view(row: RbacPolicyRow): View {
  return {
    id: row.id,
    project_id: row.project_id,
    tenant_id: row.project_id,
    object_type: row.object_type,
    object_id: row.object_id,
    action: row.action,
    target_tenant: row.target_project,
  };
}

const ATTRIBUTES = new Set(['id', 'project_id', 'object_type', 'object_id', 'action', 'target_tenant']);

async function list(call: Call, deps: NetworkDeps): Promise<View> {
  const caller = callerOf(call);
  const query = parseQuery(call.query, ATTRIBUTES);
  const rows = await selectRows(deps.db.kysely, 'rbac_policies', [
    caller.admin ? TRUE : equals('project_id', caller.projectId),
  ]);
  const views = rows
    .map(view)
    .filter((each) => [...query.filters].every(([name, values]) => values.includes(String(each[name]))));
  return answerViews(call, 'rbac_policies', query, views, deps);
}

async function get(call: Call, db: Sql): Promise<RbacPolicyRow> {
  const id = call.params['id'] ?? '';
  if (id.includes('\0')) throw notFound('rbac_policy', '');
  const [row] = await selectRows(db, 'rbac_policies', [equals('id', id)]);
  if (!row || !call.allows('get_rbac_policy', { project_id: row.project_id }))
    throw notFound('rbac_policy', id);
  return row;
}

async function create(call: Call, deps: NetworkDeps): Promise<Reply> {
  const input = (call.body as Body).rbac_policy;
  const projectId = input['project_id'] ?? input['tenant_id'] ?? call.principal.projectId;
  if (projectId === undefined) throw ownerless();
  const target = input['target_tenant'] ?? input['target_project'] ?? '';
  call.enforce('create_rbac_policy', { project_id: projectId });
  if (target === '*') call.enforce('create_rbac_policy:target_tenant', { project_id: projectId });
  const { object_type: type = '', object_id: id = '', action = '' } = input;
  const table = Object.hasOwn(TABLES, type) ? TABLES[type] : undefined;
  const actions = type === 'network' ? ['access_as_shared', 'access_as_external'] : ['access_as_shared'];
  if (!table)
    throw badRequest(
      'InvalidInput',
      `Invalid input for operation: object type ${type} has no access control.`,
    );
  if (!actions.includes(action))
    throw badRequest(
      'InvalidActionForType',
      `Invalid action ${action} for object type ${type}: valid are ${actions.join(', ')}.`,
    );
  if (target === '') throw badRequest('InvalidInput', 'Invalid input for operation: no target is named.');
  const row: RbacPolicyRow = {
    id: crypto.randomUUID(),
    project_id: projectId,
    object_type: type,
    object_id: id,
    action,
    target_project: target,
  };
  await deps.work.commit(async ({ trx, now, touch }) => {
    const object = await findRow(trx, table, id);
    if (!object || (!callerOf(call).admin && object.project_id !== projectId)) throw notFound(type, id);
    await checkQuota(trx, deps, 'rbac_policy', projectId, 1);
    try {
      await insertRow(trx, 'rbac_policies', row);
    } catch (error) {
      throw isUniqueViolation(error) ? duplicate() : error;
    }
    if (type === 'network' && action === 'access_as_external')
      await trx.updateTable('networks').set({ external: 1 }).where('id', '=', id).execute();
    if (type === 'network') {
      await bumpRevision(trx, 'networks', id, now);
      touch('network', id);
    }
  });
  return new Reply(201, { rbac_policy: view(row) });
}

function duplicate(): NetworkError {
  return conflict('DuplicateRbacPolicy', 'An RBAC policy already exists with those values.');
}

async function update(call: Call, deps: NetworkDeps): Promise<View> {
  const input = (call.body as Body).rbac_policy;
  const target = input['target_tenant'] ?? input['target_project'];
  const done = await deps.work.commit(async ({ trx }) => {
    const row = await get(call, trx);
    call.enforce('update_rbac_policy', { project_id: row.project_id });
    if (target === undefined || target === row.target_project) return row;
    if (target === '*') call.enforce('create_rbac_policy:target_tenant', { project_id: row.project_id });
    await checkUnused(trx, row);
    try {
      await trx
        .updateTable('rbac_policies')
        .set({ target_project: target })
        .where('id', '=', row.id)
        .execute();
    } catch (error) {
      throw isUniqueViolation(error) ? duplicate() : error;
    }
    return { ...row, target_project: target };
  });
  return { rbac_policy: view(done.result) };
}

async function remove(call: Call, deps: NetworkDeps): Promise<Reply> {
  await deps.work.commit(async ({ trx, touch }) => {
    const row = await get(call, trx);
    call.enforce('delete_rbac_policy', { project_id: row.project_id });
    await checkUnused(trx, row);
    await deleteRows(trx, 'rbac_policies', [equals('id', row.id)]);
    if (row.object_type === 'network') touch('network', row.object_id);
  });
  return new Reply(204);
}

/** @throws NetworkError 409 while those who would lose access use it. */
async function checkUnused(db: Sql, row: RbacPolicyRow): Promise<void> {
  if (row.action !== 'access_as_shared') return;
  const only = row.target_project === '*' ? undefined : row.target_project;
  const used = await isUsedThrough(db, row, only);
  if (used)
    throw conflict(
      'RbacPolicyInUse',
      `RBAC policy on object ${row.object_id} cannot be removed because other objects depend on it.`,
    );
}

async function isUsedThrough(db: Sql, row: RbacPolicyRow, only: string | undefined): Promise<boolean> {
  if (row.object_type === 'network') {
    const network = await findRow(db, 'networks', row.object_id);
    return network !== undefined && isUsedByOthers(db, network, only);
  }
  if (row.object_type !== 'qos_policy') return false;
  const policy = await findRow(db, 'qos_policies', row.object_id);
  return policy !== undefined && isPolicyUsedByOthers(db, policy, only);
}

const path = '/v2.0/rbac-policies';
const errors = [409];
export const rbacPolicyRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path, handler: list, policy: 'get_rbac_policy' },
  { method: 'POST', path, handler: create, body: createBody, success: 201, errors },
  {
    method: 'GET',
    path: `${path}/:id`,
    handler: async (call, deps) => ({ rbac_policy: view(await get(call, deps.db.kysely)) }),
  },
  { method: 'PUT', path: `${path}/:id`, handler: update, body: updateBody, errors },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 204, errors },
];
