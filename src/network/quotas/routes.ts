// /v2.0/quotas: show, set, reset; details with what is in use.
import { Type } from 'typebox';
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { QuotaRow } from '../tables.ts';
import { conflict, invalidInput, NetworkError } from '../errors.ts';
import { ADMIN, READER, rules } from '../policy.ts';
import { Bool, Int, Project } from '../rest/attributes.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';
import { deleteRows, equals, selectRows, TRUE } from '../rest/select.ts';
import { defaultLimits, limitsOf, QUOTA_RESOURCES, usageOf, withOverrides } from './limits.ts';

export const quotaPolicy = rules({
  get_quota: READER,
  get_quotas_of_all: ADMIN,
  update_quota: ADMIN,
  delete_quota: ADMIN,
});

const body = Type.Object(
  {
    quota: Type.Object(
      {
        ...Object.fromEntries(QUOTA_RESOURCES.map((name) => [name, Type.Optional(Int)])),
        tenant_id: Type.Optional(Project),
        project_id: Type.Optional(Project),
        check_limit: Type.Optional(Bool),
        force: Type.Optional(Bool),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

function project(call: Call): string {
  const id = call.params['id'] ?? '';
  call.enforce('get_quota', { project_id: id });
  return id;
}

async function show(call: Call, deps: NetworkDeps): Promise<View> {
  return { quota: await limitsOf(deps.db.kysely, deps, project(call)) };
}

async function details(call: Call, deps: NetworkDeps): Promise<View> {
  const id = project(call);
  const limits = await limitsOf(deps.db.kysely, deps, id);
  const entries = await Promise.all(
    QUOTA_RESOURCES.map(async (name) => [
      name,
      { limit: limits[name], used: await usageOf(deps.db.kysely, name, id), reserved: 0 },
    ]),
  );
  return { quota: Object.fromEntries(entries) };
}

async function list(_call: Call, deps: NetworkDeps): Promise<View> {
  const byProject = Map.groupBy(
    await selectRows(deps.db.kysely, 'quotas', [TRUE]),
    (row: QuotaRow) => row.project_id,
  );
  return {
    quotas: [...byProject].map(([id, rows]) => ({
      ...withOverrides(deps, rows),
      tenant_id: id,
      project_id: id,
    })),
  };
}

async function update(call: Call, deps: NetworkDeps): Promise<View> {
  const id = call.params['id'] ?? '';
  call.enforce('update_quota', { project_id: id });
  const input = (call.body as { quota: Record<string, unknown> }).quota;
  const checked = input['check_limit'] === true || input['check_limit'] === 'true';
  const wanted = QUOTA_RESOURCES.filter((name) => input[name] !== undefined);
  const below = wanted.find((name) => Number(input[name]) < -1);
  if (below !== undefined)
    throw invalidInput(`Invalid quota of ${below}: ${String(input[below])} is below -1`);
  const limits = await deps.db.transaction(async (trx) => {
    for (const resource of wanted) {
      const quota = Number(input[resource]);
      if (checked && quota >= 0 && (await usageOf(trx, resource, id)) > quota)
        throw conflict('QuotaLimitBelowUsage', `The limit ${quota} of ${resource} is below what is in use.`);
      await trx
        .insertInto('quotas')
        .values({ project_id: id, resource, quota })
        .onConflict((oc) => oc.columns(['project_id', 'resource']).doUpdateSet({ quota }))
        .execute();
    }
    return limitsOf(trx, deps, id);
  });
  return { quota: limits };
}

async function reset(call: Call, deps: NetworkDeps): Promise<Reply> {
  const id = call.params['id'] ?? '';
  call.enforce('delete_quota', { project_id: id });
  const own = equals('project_id', id);
  if ((await selectRows(deps.db.kysely, 'quotas', [own])).length === 0)
    throw new NetworkError('not-found', 'TenantQuotaNotFound', `Quota for tenant ${id} could not be found.`);
  await deleteRows(deps.db.kysely, 'quotas', [own]);
  return new Reply(204);
}

const path = '/v2.0/quotas';
export const quotaRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path, handler: list, policy: 'get_quotas_of_all' },
  {
    method: 'GET',
    path: `${path}/tenant`,
    handler: async (call) => ({ tenant: { tenant_id: call.principal.projectId ?? '' } }),
  },
  {
    method: 'GET',
    path: `${path}/project`,
    handler: async (call) => ({ project: { project_id: call.principal.projectId ?? '' } }),
  },
  { method: 'GET', path: `${path}/:id`, handler: show },
  {
    method: 'GET',
    path: `${path}/:id/default`,
    handler: async (call, deps) => (project(call), { quota: defaultLimits(deps) }),
  },
  { method: 'GET', path: `${path}/:id/details`, handler: details },
  { method: 'GET', path: `${path}/:id/details.json`, handler: details },
  { method: 'PUT', path: `${path}/:id`, handler: update, body, errors: [409] },
  { method: 'DELETE', path: `${path}/:id`, handler: reset, success: 204 },
];
