// One assignment: ask for it, make it, take it away; and the roles of one actor on one target.
import type { Call } from '#platform/http/api.ts';
import type { AssignmentRow, ProjectRow, RoleRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { Forbidden, NotFound } from '../errors.ts';
import { findGroup } from '../groups/store.ts';
import { listAnswer } from '../listing.ts';
import { findProject } from '../projects/store.ts';
import { lookUp } from '../resource.ts';
import { findRole } from '../roles/store.ts';
import { roleView } from '../roles/view.ts';
import { findUser } from '../users/store.ts';
import { insertAssignment, listAssignments, removeAssignments, SYSTEM } from './store.ts';

/** Which of the routes it is. */
export interface GrantKind {
  readonly actor: 'user' | 'group';
  readonly target: 'project' | 'domain' | 'system';
  readonly inherited: 0 | 1;
}

type Verb = 'check' | 'list' | 'create' | 'revoke';
type Place = Omit<AssignmentRow, 'role_id'>;

export async function listGrants(call: Call, deps: IdentityDeps, kind: GrantKind): Promise<unknown> {
  const place = await placeOf(call, deps, kind, 'list', undefined);
  const rows = await listAssignments(deps.db.kysely, place);
  const { roles } = await deps.directory.roleGraph();
  const views = rows.flatMap((row) => {
    const role = roles.get(row.role_id);
    return role ? [roleView(role, call.baseUrl)] : [];
  });
  return listAnswer(call, 'roles', views);
}

export async function checkGrant(call: Call, deps: IdentityDeps, kind: GrantKind): Promise<unknown> {
  const role = await findRoleOf(call, deps);
  const place = await placeOf(call, deps, kind, 'check', role);
  const rows = await listAssignments(deps.db.kysely, { ...place, role_id: getRole(call, role).id });
  if (rows.length === 0) throw absent(call);
  return undefined;
}

export async function createGrant(call: Call, deps: IdentityDeps, kind: GrantKind): Promise<unknown> {
  const found = await findRoleOf(call, deps);
  const place = await placeOf(call, deps, kind, 'create', found);
  const role = getRole(call, found);
  if (role.domain_id !== '' && role.domain_id !== (await domainOfTarget(deps, place))) {
    throw new Forbidden('a role of a domain can be given only in that domain.');
  }
  await deps.db.transaction(async (trx) => insertAssignment(trx, { ...place, role_id: role.id }));
  await announce(deps, place);
  return undefined;
}

export async function removeGrant(call: Call, deps: IdentityDeps, kind: GrantKind): Promise<unknown> {
  const found = await findRoleOf(call, deps);
  const place = await placeOf(call, deps, kind, 'revoke', found);
  const role = getRole(call, found);
  const removed = await deps.db.transaction(async (trx) =>
    removeAssignments(trx, { ...place, role_id: role.id }),
  );
  if (removed === 0) throw absent(call);
  await announce(deps, place);
  return undefined;
}

/** Cached tokens of whom it concerns are dropped; for a group that may be anyone. */
async function announce(deps: IdentityDeps, place: Place): Promise<void> {
  await deps.revocations.announce(place.actor_type === 'user' ? { user_id: place.actor_id } : { all: true });
}

function absent(call: Call): NotFound {
  return new NotFound('role assignment', call.path.slice('/v3/'.length));
}

async function findRoleOf(call: Call, deps: IdentityDeps): Promise<RoleRow | undefined> {
  return lookUp(call.params['role_id'] ?? '', async (key) => findRole(deps.db.kysely, key));
}

function getRole(call: Call, role: RoleRow | undefined): RoleRow {
  if (!role) throw new NotFound('role', call.params['role_id'] ?? '');
  return role;
}

/** @throws PolicyDenied first, then NotFound for an absent actor or target */
async function placeOf(
  call: Call,
  deps: IdentityDeps,
  kind: GrantKind,
  verb: Verb,
  role: RoleRow | undefined,
): Promise<Place> {
  const { actor_id: actorId = '', target_id: targetId = SYSTEM } = call.params;
  const { kysely } = deps.db;
  const actor = await lookUp(actorId, async (key) =>
    kind.actor === 'user' ? findUser(kysely, key) : findGroup(kysely, key),
  );
  const row =
    kind.target === 'system' ? undefined : await lookUp(targetId, async (key) => findProject(kysely, key));
  const target = row && (row.is_domain === 1) === (kind.target === 'domain') ? row : undefined;
  call.enforce(ruleOf(kind, verb), {
    ...(actor ? { 'target.actor.domain_id': actor.domain_id } : {}),
    ...(target ? { 'target.domain_id': domainOf(target) } : {}),
    ...(role ? { 'target.role.name': role.domain_id === '' ? role.name : '' } : {}),
  });
  if (!actor) throw new NotFound(kind.actor, actorId);
  if (kind.target !== 'system' && !target) throw new NotFound(kind.target, targetId);
  return {
    actor_type: kind.actor,
    actor_id: actorId,
    target_type: kind.target,
    target_id: targetId,
    inherited: kind.inherited,
  };
}

function ruleOf(kind: GrantKind, verb: Verb): string {
  const noun = verb === 'list' ? 'grants' : 'grant';
  return kind.target === 'system'
    ? `identity:${verb}_system_${noun}_for_${kind.actor}`
    : `identity:${verb}_${noun}`;
}

function domainOf(target: ProjectRow): string {
  return target.is_domain === 1 ? target.id : target.domain_id;
}

async function domainOfTarget(deps: IdentityDeps, place: Place): Promise<string | undefined> {
  const target = await deps.directory.project(place.target_id);
  return target && domainOf(target);
}
