// What the caller may scope to, and its catalog: `/v3/auth/{projects,domains,system,catalog}`. Any token will do.
import type { Call, Route } from '#platform/http/api.ts';
import type { ProjectRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { domainView } from '../domains/view.ts';
import { Forbidden } from '../errors.ts';
import { listAnswer, selfLink } from '../listing.ts';
import { listProjectsByIds } from '../projects/store.ts';
import { projectView } from '../projects/view.ts';
import { domainsOfUser, projectsOfUser } from '../role-assignments/reach.ts';

async function inEnabledDomain(deps: IdentityDeps, rows: readonly ProjectRow[]): Promise<ProjectRow[]> {
  const domains = await listProjectsByIds(deps.db.kysely, [...new Set(rows.map((row) => row.domain_id))]);
  const enabled = new Set(domains.filter((domain) => domain.enabled === 1).map((domain) => domain.id));
  return rows.filter((row) => row.enabled === 1 && enabled.has(row.domain_id));
}

async function listScopableProjects(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = await inEnabledDomain(deps, await projectsOfUser(deps, call.principal.userId));
  return listAnswer(
    call,
    'projects',
    rows.map((row) => projectView(row, call.baseUrl)),
  );
}

async function listScopableDomains(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = (await domainsOfUser(deps, call.principal.userId)).filter((row) => row.enabled === 1);
  return listAnswer(
    call,
    'domains',
    rows.map((row) => domainView(row, call.baseUrl)),
  );
}

async function listScopableSystem(call: Call, deps: IdentityDeps): Promise<unknown> {
  const assignments = await deps.directory.assignments(call.principal.userId);
  const has = assignments.some((each) => each.target_type === 'system');
  return { system: has ? [{ all: true }] : [], links: { self: selfLink(call), previous: null, next: null } };
}

async function showCatalog(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { projectId, domainId, system, userId } = call.principal;
  if (projectId === undefined && domainId === undefined && !system) {
    throw new Forbidden('the catalog is for scoped tokens.');
  }
  return {
    catalog: await deps.directory.catalog(projectId, userId),
    links: { self: selfLink(call), previous: null, next: null },
  };
}

export const authRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/auth/projects', handler: listScopableProjects },
  { method: 'GET', path: '/v3/auth/domains', handler: listScopableDomains },
  { method: 'GET', path: '/v3/auth/system', handler: listScopableSystem },
  { method: 'GET', path: '/v3/auth/catalog', handler: showCatalog },
];
