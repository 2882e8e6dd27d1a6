// List, show, create, update, remove a project.
import type { Call } from '#platform/http/api.ts';
import type { ProjectRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Forbidden, Refused, Invalid } from '../errors.ts';
import { booleanOf, exactFilters, listAnswer } from '../listing.ts';
import { removeDomainWithAll, removeProjectWithAll } from '../removal.ts';
import {
  defined,
  domainOfCaller,
  domainOfList,
  extraOf,
  flag,
  lookUp,
  mergedExtra,
  mergedOptions,
  parseObject,
  refuseChange,
  unlessTaken,
} from '../resource.ts';
import { getProject, projectTarget } from './find.ts';
import { ancestorsOf, descendantsOf, parentIds, subtreeIds } from './hierarchy.ts';
import type { CreateProject, UpdateProject } from './schema.ts';
import {
  findProject,
  insertProject,
  listProjectRows,
  NO_DOMAIN,
  type ProjectFilter,
  updateProject,
} from './store.ts';
import { projectView } from './view.ts';

const KNOWN = ['name', 'domain_id', 'parent_id', 'is_domain', 'description', 'enabled', 'tags', 'options'];

export async function listProjects(call: Call, deps: IdentityDeps): Promise<unknown> {
  const domainId = domainOfList(call);
  call.enforce('identity:list_projects', { 'target.project.domain_id': domainId });
  const enabled = call.query.get('enabled');
  const isDomain = call.query.get('is_domain');
  const rows = await listProjectRows(deps.db.kysely, {
    ...exactFilters(call, ['name', 'parent_id']),
    is_domain: isDomain === null ? 0 : flag(booleanOf(isDomain), true),
    ...(domainId === undefined ? {} : { domain_id: domainId }),
    ...(enabled === null ? {} : { enabled: flag(booleanOf(enabled), true) }),
  });
  const tagged = rows.filter((row) => hasTags(call, JSON.parse(row.tags) as string[]));
  return listAnswer(
    call,
    'projects',
    tagged.map((row) => projectView(row, call.baseUrl)),
  );
}

function hasTags(call: Call, tags: readonly string[]): boolean {
  const asked = (name: string): string[] | undefined => call.query.get(name)?.split(',');
  return (
    (asked('tags')?.every((tag) => tags.includes(tag)) ?? true) &&
    (asked('tags-any')?.some((tag) => tags.includes(tag)) ?? true) &&
    !(asked('not-tags')?.every((tag) => tags.includes(tag)) ?? false) &&
    !(asked('not-tags-any')?.some((tag) => tags.includes(tag)) ?? false)
  );
}

export async function showProject(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:get_project');
  const { query } = call;
  for (const tree of ['parents', 'subtree'])
    if (query.has(`${tree}_as_list`) && query.has(`${tree}_as_ids`))
      throw new Invalid(`${tree}_as_list and ${tree}_as_ids cannot be asked for at once.`);
  const up = query.has('parents_as_list') || query.has('parents_as_ids');
  const down = query.has('subtree_as_list') || query.has('subtree_as_ids');
  const ancestors = up ? await ancestorsOf(deps.db.kysely, row) : [];
  const descendants = down ? await descendantsOf(deps.db.kysely, row) : [];
  const seen = (rows: readonly ProjectRow[]): unknown[] =>
    rows
      .filter((each) => call.allows('identity:get_project', projectTarget(each)))
      .map((each) => ({ project: projectView(each, call.baseUrl) }));
  return {
    project: {
      ...projectView(row, call.baseUrl),
      ...(query.has('parents_as_list') ? { parents: seen(ancestors) } : {}),
      ...(query.has('parents_as_ids') ? { parents: parentIds(withDomain(ancestors, row)) } : {}),
      ...(query.has('subtree_as_list') ? { subtree: seen(descendants) } : {}),
      ...(query.has('subtree_as_ids') ? { subtree: subtreeIds(row.id, descendants) } : {}),
    },
  };
}

/** The domain ends the chain of parents' ids. */
function withDomain(ancestors: readonly ProjectRow[], row: ProjectRow): Array<{ id: string }> {
  return row.domain_id === NO_DOMAIN ? [...ancestors] : [...ancestors, { id: row.domain_id }];
}

export async function createProject(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { project } = call.body as CreateProject;
  const isDomain = project.is_domain === true;
  const parent = await parentOf(deps, project);
  const domainId = isDomain
    ? NO_DOMAIN
    : (domainOfParent(parent) ?? project.domain_id ?? domainOfCaller(call));
  call.enforce(isDomain ? 'identity:create_domain' : 'identity:create_project', {
    'target.project.domain_id': domainId,
  });
  if (!isDomain) await checkPlace(deps, project, parent, domainId);
  const row: ProjectRow = {
    id: newId(),
    name: project.name,
    domain_id: domainId,
    parent_id: isDomain ? '' : (parent?.id ?? domainId),
    is_domain: isDomain ? 1 : 0,
    description: project.description ?? '',
    enabled: flag(project.enabled, true),
    tags: JSON.stringify(project.tags ?? []),
    options: mergedOptions({ options: '{}' }, project.options ?? {}),
    extra: JSON.stringify(extraOf(project, KNOWN)),
  };
  await unlessTaken('project', async () => deps.db.transaction(async (trx) => insertProject(trx, row)));
  return { project: projectView(row, call.baseUrl) };
}

async function parentOf(
  deps: IdentityDeps,
  project: CreateProject['project'],
): Promise<ProjectRow | undefined> {
  const id = project.parent_id;
  if (id === undefined || id === null) return undefined;
  const parent = await lookUp(id, async (key) => findProject(deps.db.kysely, key));
  if (!parent) throw new Invalid(`Could not find project: ${id}.`);
  return parent;
}

function domainOfParent(parent: ProjectRow | undefined): string | undefined {
  return parent?.is_domain === 1 ? parent.id : parent?.domain_id;
}

/** @throws Invalid when the domain is absent, disagrees with the parent, or the parent is disabled or too deep */
async function checkPlace(
  deps: IdentityDeps,
  project: CreateProject['project'],
  parent: ProjectRow | undefined,
  domainId: string,
): Promise<void> {
  if (project.domain_id !== undefined && project.domain_id !== null && project.domain_id !== domainId) {
    throw new Invalid('The parent project lies in another domain than the one given.');
  }
  const domain = await lookUp(domainId, async (key) => findProject(deps.db.kysely, key));
  if (domain?.is_domain !== 1) throw new Invalid(`Could not find domain: ${domainId}.`);
  if (parent && parent.enabled !== 1) throw new Invalid(`The parent project ${parent.id} is disabled.`);
  if (!parent || parent.is_domain === 1) return;
  const depth = (await ancestorsOf(deps.db.kysely, parent)).length + 2;
  if (depth > deps.config.maxProjectDepth) {
    throw new Refused(`Max hierarchy depth reached for ${parent.id} branch.`);
  }
}

export async function updateOneProject(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:update_project');
  if (row.is_domain === 1) call.enforce('identity:update_domain', { 'target.domain.id': row.id });
  const { project } = call.body as UpdateProject;
  const view = projectView(row, call.baseUrl);
  refuseChange(project, view, ['domain_id', 'is_domain']);
  if (project.parent_id !== undefined && project.parent_id !== view['parent_id']) {
    throw new Refused('Update of `parent_id` is not allowed.');
  }
  refuseImmutable(row, project.options?.immutable !== undefined);
  if (project.enabled !== undefined && flag(project.enabled, true) !== row.enabled) {
    await checkSwitch(deps, row, project.enabled);
  }
  const changes = defined<ProjectRow>({
    name: project.name,
    description: project.description === null ? '' : project.description,
    enabled: project.enabled === undefined ? undefined : flag(project.enabled, true),
    tags: project.tags === undefined ? undefined : JSON.stringify(project.tags),
    options: project.options === undefined ? undefined : mergedOptions(row, project.options),
    extra: mergedExtra(row, project, KNOWN),
  });
  await unlessTaken('project', async () =>
    deps.db.transaction(async (trx) => updateProject(trx, row.id, changes)),
  );
  await deps.revocations.announce(row.is_domain === 1 ? { domain_id: row.id } : { project_id: row.id });
  return { project: projectView({ ...row, ...changes }, call.baseUrl) };
}

function refuseImmutable(row: ProjectRow, lifting: boolean): void {
  if (parseObject(row.options)['immutable'] === true && !lifting) {
    throw new Forbidden(`project ${row.id} is immutable.`);
  }
}

/** @throws Forbidden when it is disabled above enabled ones, or enabled below a disabled one */
async function checkSwitch(deps: IdentityDeps, row: ProjectRow, enable: boolean): Promise<void> {
  if (row.is_domain === 1) return;
  if (enable) {
    const disabled = (await ancestorsOf(deps.db.kysely, row)).some((each) => each.enabled !== 1);
    if (disabled) throw new Refused(`Cannot enable project ${row.id} since it has disabled parents.`);
    return;
  }
  const enabled = (await descendantsOf(deps.db.kysely, row)).some((each) => each.enabled === 1);
  if (enabled) {
    throw new Refused(`Cannot disable project ${row.id} since its subtree contains enabled projects.`);
  }
}

export async function removeOneProject(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:delete_project');
  if (row.is_domain === 1) call.enforce('identity:delete_domain', { 'target.domain.id': row.id });
  if (row.is_domain === 1 && row.enabled === 1) {
    throw new Refused('Cannot delete a project that is a domain and enabled, please disable it first.');
  }
  refuseImmutable(row, false);
  await deps.db.transaction(async (trx) => {
    const within: ProjectFilter = row.is_domain === 1 ? { domain_id: row.id } : { parent_id: row.id };
    const children = await listProjectRows(trx, within);
    if (children.length > 0) {
      throw new Refused(`Cannot delete the project ${row.id} since it is not a leaf in the hierarchy.`);
    }
    await (row.is_domain === 1 ? removeDomainWithAll(trx, row.id) : removeProjectWithAll(trx, row.id));
  });
  await deps.revocations.announce(row.is_domain === 1 ? { all: true } : { project_id: row.id });
  return undefined;
}
