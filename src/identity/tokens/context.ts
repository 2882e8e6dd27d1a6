// What a token says beyond what it carries: names, roles, catalog, looked up at issue and at each validation, so that a
// disabled user or a lost role counts at once. The result is cached as long as nothing was written.
import type { Clock } from '#platform/context/clock.ts';
import type { NamedInDomain, TokenBody } from '#platform/auth/token-body.ts';
import type { CatalogEntry } from '../catalog/view.ts';
import type { ProjectRow, UserRow } from '../database.ts';
import type { Directory } from '../directory/directory.ts';
import { rolesAt, type ScopePlace } from '../directory/role-graph.ts';
import { Unauthorized } from '../errors.ts';
import { delegationOf, type Holder } from './delegation.ts';
import type { TokenScope } from './payload.ts';

export type TokenContext = Pick<
  TokenBody,
  | 'user'
  | 'project'
  | 'is_domain'
  | 'domain'
  | 'system'
  | 'roles'
  | 'application_credential'
  | 'OS-TRUST:trust'
  | 'OS-OAUTH1'
> & { readonly catalog?: readonly CatalogEntry[] };

/**
 * @throws Unauthorized when the user, the scope or the credential is gone, disabled or without a role.
 * @throws Forbidden for a trust that does not hold
 */
export async function contextOf(directory: Directory, clock: Clock, holder: Holder): Promise<TokenContext> {
  const { scope } = holder;
  const key = [
    'token-context',
    holder.userId,
    scope.kind,
    'id' in scope ? scope.id : '',
    holder.applicationCredentialId ?? '',
    holder.trustId ?? '',
    holder.accessTokenId ?? '',
  ].join('\u0000');
  const context = await directory.memo.get(key, async () => build(directory, holder));
  const { expiresAt } = context;
  if (expiresAt !== undefined && Date.parse(expiresAt) <= clock.now()) {
    throw new Unauthorized('what the token was made with has expired');
  }
  return context.context;
}

async function build(
  directory: Directory,
  holder: Holder,
): Promise<{ context: TokenContext; expiresAt: string | undefined }> {
  const {
    user,
    rolesOf,
    choose,
    part: delegated,
    expiresAt,
  } = await delegationOf(directory, holder, enabledUser);
  const base: TokenContext = { user: await userView(directory, user) };
  if (holder.scope.kind === 'unscoped') return { context: { ...base, ...delegated }, expiresAt };
  const { place, part, projectId } = await scopeOf(directory, holder.scope);
  const graph = await directory.roleGraph();
  const held = rolesAt(graph, await directory.assignments(rolesOf), place);
  const roles = choose(graph, held).flatMap((id) => {
    const role = graph.roles.get(id);
    return role && role.domain_id === '' ? [{ id, name: role.name }] : [];
  });
  if (roles.length === 0) throw new Unauthorized('the user has no role on the scope');
  const catalog = await directory.catalog(projectId, user.id);
  return { context: { ...base, ...part, roles, catalog, ...delegated }, expiresAt };
}

/** @throws Unauthorized */
export async function enabledUser(directory: Directory, id: string): Promise<UserRow> {
  const user = await directory.user(id);
  if (!user) throw new Unauthorized('no such user');
  if (user.enabled !== 1) throw new Unauthorized('the user is disabled');
  const domain = await directory.domain(user.domain_id);
  if (domain?.enabled !== 1) throw new Unauthorized("the user's domain is disabled");
  return user;
}

/** @throws Unauthorized when the project, or its domain, is absent or disabled. */
async function enabledProject(directory: Directory, id: string): Promise<ProjectRow> {
  const project = await directory.project(id);
  if (!project || project.is_domain === 1) throw new Unauthorized('no such project');
  const domain = await directory.domain(project.domain_id);
  if (project.enabled !== 1 || domain?.enabled !== 1) throw new Unauthorized('the project is disabled');
  return project;
}

async function scopeOf(
  directory: Directory,
  scope: Exclude<TokenScope, { kind: 'unscoped' }>,
): Promise<{ place: ScopePlace; part: Partial<TokenContext>; projectId: string | undefined }> {
  switch (scope.kind) {
    case 'system':
      return { place: { kind: 'system' }, part: { system: { all: true } }, projectId: undefined };
    case 'domain': {
      const domain = await directory.domain(scope.id);
      if (domain?.enabled !== 1) throw new Unauthorized('no such domain, or it is disabled');
      const { id, name } = domain;
      return { place: { kind: 'domain', id }, part: { domain: { id, name } }, projectId: undefined };
    }
    case 'project': {
      const project = await enabledProject(directory, scope.id);
      const part = { is_domain: false, project: await namedInDomain(directory, project) };
      return { place: await directory.placeOfProject(project), part, projectId: project.id };
    }
  }
}

async function userView(directory: Directory, user: UserRow): Promise<TokenBody['user']> {
  return { ...(await namedInDomain(directory, user)), password_expires_at: user.password_expires_at };
}

async function namedInDomain(
  directory: Directory,
  row: { id: string; name: string; domain_id: string },
): Promise<NamedInDomain> {
  const domain = await directory.domain(row.domain_id);
  return { id: row.id, name: row.name, domain: { id: row.domain_id, name: domain?.name ?? '' } };
}
