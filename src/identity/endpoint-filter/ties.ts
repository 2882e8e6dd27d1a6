// Which endpoints and endpoint groups a project has. A project that has any sees no others in its catalogs.
import type { Call } from '#platform/http/api.ts';
import { findEndpoint, listEndpointRows } from '../catalog/store.ts';
import type { EndpointRow, ProjectRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { endpointView } from '../endpoints/view.ts';
import { NotFound } from '../errors.ts';
import { listAnswer } from '../listing.ts';
import { findProject } from '../projects/store.ts';
import { projectView } from '../projects/view.ts';
import { lookUp, unlessTaken } from '../resource.ts';
import { fitsFilters, tiedEndpoints, type Filters } from './filter.ts';
import { getGroup, groupView } from './groups.ts';
import {
  insertTie,
  listEndpointGroupRows,
  listTiedProjects,
  listTies,
  removeTies,
  type Tie,
} from './store.ts';

export async function listProjectsOfEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getEndpoint(call, deps);
  return projectsOf(call, deps, { kind: 'endpoint', target_id: id });
}

export async function listProjectsOfGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getGroup(call, deps);
  return projectsOf(call, deps, { kind: 'group', target_id: id });
}

async function projectsOf(
  call: Call,
  deps: IdentityDeps,
  tie: Pick<Tie, 'kind' | 'target_id'>,
): Promise<unknown> {
  const rows = await listTiedProjects(deps.db.kysely, tie);
  return listAnswer(
    call,
    'projects',
    rows.map((row) => projectView(row, call.baseUrl)),
  );
}

export async function listEndpointsOfProject(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getProject(call, deps);
  const ties = await listTies(deps.db.kysely, { project_id: id });
  return endpointsAnswer(call, tiedEndpoints(await listEndpointRows(deps.db.kysely, {}), ties));
}

export async function listEndpointsOfGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const group = await getGroup(call, deps);
  const filters = JSON.parse(group.filters) as Filters;
  const rows = await listEndpointRows(deps.db.kysely, {});
  return endpointsAnswer(
    call,
    rows.filter((row) => fitsFilters(row, filters)),
  );
}

function endpointsAnswer(call: Call, rows: readonly EndpointRow[]): unknown {
  const views = rows.map((row) => endpointView(row, call.baseUrl));
  return listAnswer(call, 'endpoints', views, ['url']);
}

export async function listGroupsOfProject(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getProject(call, deps);
  const ties = await listTies(deps.db.kysely, { project_id: id, kind: 'group' });
  const ids = new Set(ties.map((tie) => tie.target_id));
  const rows = (await listEndpointGroupRows(deps.db.kysely, {})).filter((row) => ids.has(row.id));
  return listAnswer(
    call,
    'endpoint_groups',
    rows.map((row) => groupView(row, call.baseUrl)),
  );
}

export async function checkEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  await require(call, deps, await endpointTie(call, deps));
  return undefined;
}

export async function showGroupTie(call: Call, deps: IdentityDeps): Promise<unknown> {
  const tie = await groupTie(call, deps);
  await require(call, deps, tie);
  const { project_id: project, target_id: group } = tie;
  const self = `${call.baseUrl}/v3/OS-EP-FILTER/endpoint_groups/${group}/projects/${project}`;
  return { project_endpoint_group: { endpoint_group_id: group, project_id: project, links: { self } } };
}

async function require(call: Call, deps: IdentityDeps, tie: Tie): Promise<void> {
  if ((await listTies(deps.db.kysely, tie)).length === 0) throw absent(call);
}

export async function addEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  return add(deps, await endpointTie(call, deps));
}

export async function addGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  return add(deps, await groupTie(call, deps));
}

async function add(deps: IdentityDeps, tie: Tie): Promise<undefined> {
  await unlessTaken('project endpoint', async () => deps.db.transaction(async (trx) => insertTie(trx, tie)));
  deps.directory.forgetEndpointTies();
}

export async function removeEndpointTie(call: Call, deps: IdentityDeps): Promise<unknown> {
  return remove(call, deps, await endpointTie(call, deps));
}

export async function removeGroupTie(call: Call, deps: IdentityDeps): Promise<unknown> {
  return remove(call, deps, await groupTie(call, deps));
}

async function remove(call: Call, deps: IdentityDeps, tie: Tie): Promise<undefined> {
  const removed = await deps.db.transaction(async (trx) => removeTies(trx, tie));
  if (removed === 0) throw absent(call);
  deps.directory.forgetEndpointTies();
}

function absent(call: Call): NotFound {
  return new NotFound('association', call.path.slice('/v3/OS-EP-FILTER/'.length));
}

async function endpointTie(call: Call, deps: IdentityDeps): Promise<Tie> {
  const { id } = await getEndpoint(call, deps);
  return { project_id: (await getProject(call, deps)).id, kind: 'endpoint', target_id: id };
}

async function groupTie(call: Call, deps: IdentityDeps): Promise<Tie> {
  const { id } = await getProject(call, deps);
  return { project_id: id, kind: 'group', target_id: (await getGroup(call, deps)).id };
}

async function getEndpoint(call: Call, deps: IdentityDeps): Promise<EndpointRow> {
  const id = call.params['endpoint_id'] ?? '';
  const row = await lookUp(id, async (key) => findEndpoint(deps.db.kysely, key));
  if (!row) throw new NotFound('endpoint', id);
  return row;
}

async function getProject(call: Call, deps: IdentityDeps): Promise<ProjectRow> {
  const id = call.params['project_id'] ?? '';
  const row = await lookUp(id, async (key) => findProject(deps.db.kysely, key));
  if (!row) throw new NotFound('project', id);
  return row;
}
