// List, show, create, remove a trust, and its roles. A trust that is expired or used up is not found.
import type { Call } from '#platform/http/api.ts';
import type { RoleRow, TrustRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { rolesAt } from '../directory/role-graph.ts';
import { Conflict, Forbidden, NotFound } from '../errors.ts';
import { expiryOf } from '../expiry.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { extraOf, lookUp, unlessTaken } from '../resource.ts';
import { roleView } from '../roles/view.ts';
import { trustChain } from '../tokens/delegation.ts';
import { checkRedelegation, redelegationOf } from './redelegation.ts';
import type { CreateTrust, GivenTrust } from './schema.ts';
import { findTrust, insertTrust, listTrustRows, removeTrusts } from './store.ts';
import { isUsable } from './usable.ts';
import { rolesLinks, rolesView, trustListView, trustView } from './view.ts';

const KNOWN = [
  'trustor_user_id',
  'trustee_user_id',
  'impersonation',
  'project_id',
  'remaining_uses',
  'expires_at',
  'allow_redelegation',
  'redelegation_count',
  'redelegated_trust_id',
  'roles',
  'roles_links',
  'deleted_at',
];

export async function listTrusts(call: Call, deps: IdentityDeps): Promise<unknown> {
  const filter = exactFilters(call, ['trustor_user_id', 'trustee_user_id']);
  const { trustor_user_id: trustor, trustee_user_id: trustee } = filter;
  if (trustor !== undefined) {
    call.enforce('identity:list_trusts_for_trustor', { 'target.trust.trustor_user_id': trustor });
  } else if (trustee !== undefined) {
    call.enforce('identity:list_trusts_for_trustee', { 'target.trust.trustee_user_id': trustee });
  } else call.enforce('identity:list_trusts');
  refuseCredential(call);
  const rows = await listTrustRows(deps.db.kysely, filter);
  return listAnswer(
    call,
    'trusts',
    rows.map((row) => trustListView(row, call.baseUrl)),
    [],
  );
}

export async function showTrust(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getTrust(call, deps, 'identity:get_trust');
  return { trust: trustView(row, await deps.directory.roleGraph(), call.baseUrl) };
}

export async function createTrust(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { trust: given } = call.body as CreateTrust;
  call.enforce('identity:create_trust', { 'trust.trustor_user_id': given.trustor_user_id });
  refuseCredential(call);
  if (given.trustor_user_id !== call.principal.userId) {
    throw new Forbidden('The authenticated user should match the trustor.');
  }
  const projectId = given.project_id ?? null;
  if (projectId !== null && (given.roles ?? []).length === 0) {
    throw new Forbidden('At least one role should be specified.');
  }
  if (!(await deps.directory.user(given.trustee_user_id))) throw new NotFound('user', given.trustee_user_id);
  const chain = await originsOf(call, deps);
  const [origin] = chain;
  const row: TrustRow = {
    id: newId(),
    trustor_user_id: given.trustor_user_id,
    trustee_user_id: given.trustee_user_id,
    project_id: projectId,
    impersonation: given.impersonation ? 1 : 0,
    expires_at: endOf(deps, given) ?? origin?.expires_at ?? null,
    remaining_uses: given.remaining_uses ?? null,
    redelegated_trust_id: origin?.id ?? null,
    redelegation_count: redelegationOf(given, origin),
    roles: JSON.stringify(await rolesOf(call, deps, given, chain.at(-1))),
    extra: JSON.stringify(extraOf(given, KNOWN)),
    created_at: new Date(deps.clock.now()).toISOString(),
  };
  for (const each of chain) checkRedelegation(each, row);
  await unlessTaken('trust', async () =>
    deps.db.transaction(async (trx) => {
      if (origin && !(await findTrust(trx, origin.id))) throw new Conflict('trust', 'its origin is gone');
      await insertTrust(trx, row);
    }),
  );
  return { trust: trustView(row, await deps.directory.roleGraph(), call.baseUrl) };
}

function endOf(deps: IdentityDeps, given: GivenTrust): string | undefined {
  const text = given.expires_at ?? undefined;
  return text === undefined ? undefined : expiryOf(text, deps.clock, 'a trust');
}

/** The trust of the caller's token and those before it. @throws Forbidden for a token delegated in another way */
async function originsOf(call: Call, deps: IdentityDeps): Promise<readonly TrustRow[]> {
  const { trust, accessTokenId } = call.principal;
  if (accessTokenId !== undefined) throw new Forbidden('Redelegation allowed for delegated by trust only.');
  return trust ? trustChain(deps.directory, trust.id) : [];
}

/** Ids of those asked for. @throws NotFound for one that the first trustor has not on the project @throws Conflict */
async function rolesOf(
  call: Call,
  deps: IdentityDeps,
  given: GivenTrust,
  first: TrustRow | undefined,
): Promise<string[]> {
  const graph = await deps.directory.roleGraph();
  const held = await heldOn(deps, given.project_id ?? null, first?.trustor_user_id ?? call.principal.userId);
  const wanted = (given.roles ?? []).map((asked) => {
    const id = 'id' in asked ? asked.id : roleNamed([...graph.roles.values()], asked.name).id;
    if (!held.includes(id)) throw new NotFound('role', id);
    return id;
  });
  return [...new Set(wanted)];
}

function roleNamed(roles: readonly RoleRow[], name: string): RoleRow {
  const [role, another] = roles.filter((each) => each.name === name);
  if (!role) throw new NotFound('role', name);
  if (another) throw new Conflict('role', `${name} names several: say which one by its id`);
  return role;
}

async function heldOn(deps: IdentityDeps, projectId: string | null, userId: string): Promise<string[]> {
  if (projectId === null) return [];
  const project = await deps.directory.project(projectId);
  if (!project || project.is_domain === 1) throw new NotFound('project', projectId);
  const place = await deps.directory.placeOfProject(project);
  return rolesAt(await deps.directory.roleGraph(), await deps.directory.assignments(userId), place);
}

export async function removeTrust(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getTrust(call, deps, 'identity:delete_trust');
  await deps.db.transaction(async (trx) => removeTrusts(trx, { id: row.id }));
  await deps.revocations.announce({ user_id: row.trustor_user_id });
  return undefined;
}

export async function listTrustRoles(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getTrust(call, deps, 'identity:list_roles_for_trust');
  const graph = await deps.directory.roleGraph();
  return { roles: rolesView(row, graph, call.baseUrl), links: rolesLinks(row, call.baseUrl) };
}

export async function showTrustRole(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getTrust(call, deps, 'identity:get_role_for_trust');
  const id = call.params['role_id'] ?? '';
  const graph = await deps.directory.roleGraph();
  const role = (JSON.parse(row.roles) as string[]).includes(id) ? graph.roles.get(id) : undefined;
  if (!role) throw new NotFound('role', id);
  return { role: roleView(role, call.baseUrl) };
}

/** @throws NotFound before any rule is asked, as upstream: ids of trusts cannot be guessed @throws PolicyDenied */
async function getTrust(call: Call, deps: IdentityDeps, rule: string): Promise<TrustRow> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findTrust(deps.db.kysely, key));
  if (!row || !isUsable(row, deps.clock)) throw new NotFound('trust', id);
  call.enforce(rule, {
    'target.trust.trustor_user_id': row.trustor_user_id,
    'target.trust.trustee_user_id': row.trustee_user_id,
  });
  refuseCredential(call);
  return row;
}

/** Whoever has an application credential has one project: trusts would lead beyond it. */
function refuseCredential(call: Call): void {
  if (call.principal.applicationCredentialId !== undefined) {
    throw new Forbidden("Using method 'application_credential' is not allowed for managing trusts.");
  }
}
