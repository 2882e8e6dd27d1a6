// List, show, create, update, remove a limit of a project or a domain.
import type { Call } from '#platform/http/api.ts';
import type { IdentityExecutor, LimitRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Invalid, NotFound, Refused } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { findProject } from '../projects/store.ts';
import { defined, lookUp, unlessTaken } from '../resource.ts';
import type { CreateLimits, UpdateLimit } from './schema.ts';
import {
  insertLimit,
  listLimitRows,
  listRegisteredRows,
  removeLimits,
  updateLimit,
  type FullLimit,
} from './store.ts';

type Given = CreateLimits['limits'][number];

function view(row: FullLimit, baseUrl: string): Record<string, unknown> & { id: string } {
  const { registered_limit_id: _, project_domain_id: __, ...shown } = row;
  return { ...shown, links: { self: `${baseUrl}/v3/limits/${row.id}` } };
}

/** Of the caller's scope: all for the system, a domain's and its projects' for a domain, a project's for a project. */
export async function listLimits(call: Call, deps: IdentityDeps): Promise<unknown> {
  const filter = exactFilters(call, ['service_id', 'region_id', 'resource_name', 'project_id', 'domain_id']);
  const rows = await listLimitRows(deps.db.kysely, filter);
  return listAnswer(
    call,
    'limits',
    rows.filter((row) => isSeen(call, row)).map((row) => view(row, call.baseUrl)),
    ['resource_name'],
  );
}

function isSeen(call: Call, row: FullLimit): boolean {
  const { system, domainId, projectId } = call.principal;
  if (system) return true;
  if (domainId !== undefined) return row.domain_id === domainId || row.project_domain_id === domainId;
  return projectId !== undefined && row.project_id === projectId;
}

export async function showLimit(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { limit: view(await getLimit(call, deps, 'identity:get_limit'), call.baseUrl) };
}

export async function showModel(): Promise<unknown> {
  return {
    model: {
      name: 'flat',
      description: 'Each limit stands for itself: those of parents and children are not compared.',
    },
  };
}

export async function createLimits(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { limits: given } = call.body as CreateLimits;
  const ids = await unlessTaken('limit', async () =>
    deps.db.transaction(async (trx) => {
      const made: string[] = [];
      for (const each of given) {
        const row = await rowOf(trx, each);
        await insertLimit(trx, row);
        made.push(row.id);
      }
      return made;
    }),
  );
  const rows = await listLimitRows(deps.db.kysely, {});
  return {
    limits: ids.flatMap((id) => rows.filter((row) => row.id === id).map((row) => view(row, call.baseUrl))),
  };
}

/** A project that is a domain is meant as the domain. @throws Invalid @throws Refused without a registered limit */
async function rowOf(trx: IdentityExecutor, given: Given): Promise<LimitRow> {
  const owner = 'project_id' in given ? given.project_id : given.domain_id;
  const row = await findProject(trx, owner);
  const isDomain = row?.is_domain === 1;
  if (!row || ('domain_id' in given && !isDomain)) {
    throw new Invalid(`Could not find ${'domain_id' in given ? 'domain' : 'project'}: ${owner}.`);
  }
  const [registered] = await listRegisteredRows(trx, {
    service_id: given.service_id,
    resource_name: given.resource_name,
    region_id: given.region_id ?? null,
  });
  if (!registered) {
    throw new Refused('Unable to create a limit that has no corresponding registered limit.');
  }
  return {
    id: newId(),
    registered_limit_id: registered.id,
    project_id: isDomain ? null : owner,
    domain_id: isDomain ? owner : null,
    resource_limit: given.resource_limit,
    description: given.description ?? null,
  };
}

export async function updateOneLimit(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getLimit(call, deps, 'identity:update_limit');
  const changes = defined<LimitRow>((call.body as UpdateLimit).limit);
  await deps.db.transaction(async (trx) => updateLimit(trx, row.id, changes));
  return { limit: view({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOneLimit(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getLimit(call, deps, 'identity:delete_limit');
  await deps.db.transaction(async (trx) => removeLimits(trx, { id }));
  return undefined;
}

/** @throws PolicyDenied first @throws NotFound */
async function getLimit(call: Call, deps: IdentityDeps, rule: string): Promise<FullLimit> {
  const id = call.params['id'] ?? '';
  const [row] = (await lookUp(id, async (key) => listLimitRows(deps.db.kysely, { id: key }))) ?? [];
  call.enforce(rule, {
    ...(row?.domain_id ? { 'target.limit.domain.id': row.domain_id } : {}),
    ...(row?.project_id ? { 'target.limit.project_id': row.project_id } : {}),
    ...(row?.project_domain_id ? { 'target.limit.project.domain_id': row.project_domain_id } : {}),
  });
  if (!row) throw new NotFound('limit', id);
  return row;
}
