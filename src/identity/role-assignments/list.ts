// `GET /v3/role_assignments`: who has which role where, as assigned or as it takes effect.
import type { Call } from '#platform/http/api.ts';
import type { AssignmentRow, ProjectRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { isPossibleText } from '../directory/directory.ts';
import { Invalid } from '../errors.ts';
import { listGroupRows, listMemberships } from '../groups/store.ts';
import { booleanOf, selfLink } from '../listing.ts';
import { below } from '../projects/hierarchy.ts';
import { listProjectRows } from '../projects/store.ts';
import { listUsersByIds } from '../users/store.ts';
import { effectiveAssignments, type Assignment } from './effective.ts';
import { listAssignments, listAssignmentsOfUser } from './store.ts';
import { assignmentView, type Names } from './view.ts';

interface Asked {
  readonly userId: string | null;
  readonly groupId: string | null;
  readonly roleId: string | null;
  readonly projectId: string | null;
  readonly domainId: string | null;
  readonly system: boolean;
  readonly inherited: boolean | undefined;
  readonly effective: boolean;
  readonly names: boolean;
  readonly subtree: boolean;
}

export async function listRoleAssignments(call: Call, deps: IdentityDeps): Promise<unknown> {
  const asked = parse(call);
  const projects = await listProjectRows(deps.db.kysely, {});
  enforceList(call, asked, projects);
  const rows = await candidates(deps, asked);
  const graph = await deps.directory.roleGraph();
  const plain = projects.filter((each) => each.is_domain === 0);
  const wanted = asked.effective
    ? effectiveAssignments(rows, { graph, projects: plain, memberships: await membershipsIn(deps, rows) })
    : rows;
  const scope = asked.subtree ? subtreeOf(asked.projectId, plain) : undefined;
  const inDomain = domainLimit(call, projects);
  const found = wanted.filter((row) => matches(row, asked, scope) && inDomain(row));
  const names = asked.names ? await namesOf(deps, found, projects) : undefined;
  return {
    role_assignments: found.map((row) => assignmentView(row, call.baseUrl, names)),
    links: { self: selfLink(call), previous: null, next: null },
  };
}

/** @throws Invalid for filters that contradict each other */
function parse(call: Call): Asked {
  const { query } = call;
  const isOn = (name: string): boolean => query.has(name) && booleanOf(query.get(name) ?? '');
  const inherited = query.get('scope.OS-INHERIT:inherited_to');
  const asked: Asked = {
    userId: query.get('user.id'),
    groupId: query.get('group.id'),
    roleId: query.get('role.id'),
    projectId: query.get('scope.project.id'),
    domainId: query.get('scope.domain.id'),
    system: query.has('scope.system'),
    inherited: inherited === null ? undefined : inherited === 'projects',
    effective: isOn('effective'),
    names: isOn('include_names'),
    subtree: isOn('include_subtree'),
  };
  if (asked.userId !== null && asked.groupId !== null)
    throw new Invalid('Specify a user or group, not both.');
  const scopes = [asked.projectId !== null, asked.domainId !== null, asked.system].filter(Boolean);
  if (scopes.length > 1) throw new Invalid('Specify one scope: a project, a domain or the system.');
  if (asked.effective && asked.groupId !== null) {
    throw new Invalid('Combining effective and group filter will always result in an empty list.');
  }
  if (asked.effective && asked.domainId !== null && asked.inherited)
    throw new Invalid(
      'Effective assignments on a domain are never inherited ones: the list is always empty.',
    );
  if (asked.subtree && asked.projectId === null) {
    throw new Invalid('scope.project.id must be specified if include_subtree is also specified.');
  }
  return asked;
}

function enforceList(call: Call, asked: Asked, projects: readonly ProjectRow[]): void {
  const project = projects.find((each) => each.id === asked.projectId);
  const domainId = project?.domain_id ?? asked.domainId ?? call.principal.domainId;
  const rule = asked.subtree ? 'identity:list_role_assignments_for_tree' : 'identity:list_role_assignments';
  call.enforce(rule, {
    ...(domainId === undefined ? {} : { 'target.domain_id': domainId }),
    ...(project ? { 'target.project.id': project.id } : {}),
  });
}

/** A domain-scoped caller sees what is assigned in its domain. */
function domainLimit(call: Call, projects: readonly ProjectRow[]): (row: AssignmentRow) => boolean {
  const { domainId } = call.principal;
  if (domainId === undefined) return () => true;
  const inside = new Set(projects.filter((each) => each.domain_id === domainId).map((each) => each.id));
  return (row) => row.target_type !== 'system' && (row.target_id === domainId || inside.has(row.target_id));
}

function subtreeOf(projectId: string | null, projects: readonly ProjectRow[]): ReadonlySet<string> {
  const id = projectId ?? '';
  return new Set([id, ...below(id, projects).map((each) => each.id)]);
}

function matches(row: Assignment, asked: Asked, subtree: ReadonlySet<string> | undefined): boolean {
  const inScope =
    (!asked.system || row.target_type === 'system') &&
    (asked.domainId === null || (row.target_type === 'domain' && row.target_id === asked.domainId)) &&
    (asked.projectId === null ||
      (row.target_type === 'project' && (subtree?.has(row.target_id) ?? row.target_id === asked.projectId)));
  return (
    inScope &&
    (asked.userId === null || (row.actor_type === 'user' && row.actor_id === asked.userId)) &&
    (asked.groupId === null || (row.actor_type === 'group' && row.actor_id === asked.groupId)) &&
    (asked.roleId === null || row.role_id === asked.roleId) &&
    (asked.inherited === undefined || asked.inherited === (row.inherited === 1))
  );
}

/** Narrowed by SQL as far as that is safe: what takes effect may come from other roles, targets and groups. */
async function candidates(deps: IdentityDeps, asked: Asked): Promise<AssignmentRow[]> {
  const { kysely } = deps.db;
  if (!isPossibleText(asked.userId ?? 'any') || !isPossibleText(asked.groupId ?? 'any')) return [];
  if (asked.effective) {
    return asked.userId === null ? listAssignments(kysely, {}) : listAssignmentsOfUser(kysely, asked.userId);
  }
  return listAssignments(kysely, {
    ...(asked.userId === null ? {} : { actor_type: 'user', actor_id: asked.userId }),
    ...(asked.groupId === null ? {} : { actor_type: 'group', actor_id: asked.groupId }),
  });
}

async function membershipsIn(
  deps: IdentityDeps,
  rows: readonly AssignmentRow[],
): Promise<Array<{ group_id: string; user_id: string }>> {
  const groups = new Set(rows.filter((row) => row.actor_type === 'group').map((row) => row.actor_id));
  return listMemberships(deps.db.kysely, [...groups]);
}

async function namesOf(
  deps: IdentityDeps,
  rows: readonly Assignment[],
  projects: readonly ProjectRow[],
): Promise<Names> {
  const userIds = new Set(rows.filter((row) => row.actor_type === 'user').map((row) => row.actor_id));
  const users = await listUsersByIds(deps.db.kysely, [...userIds]);
  const groups = await listGroupRows(deps.db.kysely, {});
  return {
    graph: await deps.directory.roleGraph(),
    users: new Map(users.map((row) => [row.id, row])),
    groups: new Map(groups.map((row) => [row.id, row])),
    projects: new Map(projects.map((row) => [row.id, row])),
  };
}
