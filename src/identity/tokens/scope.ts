// From the scope that a login asks for (or does not) to the scope of its token.
import type { IdentityDeps } from '../deps.ts';
import type { TrustRow } from '../database.ts';
import { Forbidden, Invalid, Unauthorized } from '../errors.ts';
import { isUsable } from '../trusts/usable.ts';
import { domainIdOf, type Proof } from './methods.ts';
import type { TokenScope } from './payload.ts';
import type { ScopePart } from './schema.ts';

export interface WantedScope {
  readonly scope: TokenScope;
  /** True: nobody asked; when the user may not have it the token is unscoped. */
  readonly byDefault: boolean;
  /** What it is scoped to by way of. */
  readonly trust?: TrustRow;
}

/** @throws Unauthorized for a scope that does not exist @throws Invalid for one that is no scope */
export async function wantedScope(
  deps: IdentityDeps,
  proof: Proof,
  asked: ScopePart | undefined,
): Promise<WantedScope> {
  if (proof.credential) {
    if (asked !== undefined) throw new Unauthorized('application credentials cannot request a scope');
    return { scope: { kind: 'project', id: proof.credential.project_id }, byDefault: false };
  }
  if (proof.accessToken) {
    return { scope: { kind: 'project', id: proof.accessToken.project_id }, byDefault: false };
  }
  if (asked === undefined) return defaultScope(deps, proof);
  if (asked !== 'unscoped' && asked['OS-TRUST:trust'] !== undefined) return trustScope(deps, asked);
  const scope = await explicitScope(deps, asked);
  if (proof.parent?.scope.kind === 'system' && (scope.kind === 'project' || scope.kind === 'domain')) {
    throw new Forbidden(
      'Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.',
    );
  }
  return { scope, byDefault: false };
}

async function defaultScope(deps: IdentityDeps, proof: Proof): Promise<WantedScope> {
  const user = proof.parent ? undefined : await deps.directory.user(proof.userId);
  const id = user?.default_project_id ?? undefined;
  return { scope: id === undefined ? { kind: 'unscoped' } : { kind: 'project', id }, byDefault: true };
}

/** @throws Unauthorized for a trust that is gone, expired or used up */
async function trustScope(deps: IdentityDeps, asked: Exclude<ScopePart, string>): Promise<WantedScope> {
  if ([asked.project, asked.domain, asked.system, asked.unscoped].some((each) => each !== undefined)) {
    throw new Invalid(ONE_SCOPE);
  }
  const id = asked['OS-TRUST:trust']?.id;
  if (id === undefined) throw new Invalid('Expecting to find trust_id in trust.');
  const trust = await deps.directory.trust(id);
  if (!trust || !isUsable(trust, deps.clock)) throw new Unauthorized('no such trust, or it is used up');
  const { project_id: project } = trust;
  return {
    scope: project === null ? { kind: 'unscoped' } : { kind: 'project', id: project },
    byDefault: false,
    trust,
  };
}

const ONE_SCOPE = 'The scope must be one of project, domain, system, OS-TRUST:trust or unscoped.';

async function explicitScope(deps: IdentityDeps, asked: ScopePart): Promise<TokenScope> {
  if (asked === 'unscoped' || asked.unscoped !== undefined) return { kind: 'unscoped' };
  const { project, domain, system } = asked;
  if ([project, domain, system].filter((each) => each !== undefined).length !== 1) {
    throw new Invalid(ONE_SCOPE);
  }
  if (system) {
    if (system.all !== true) throw new Invalid('The scope of a system token must be all.');
    return { kind: 'system' };
  }
  if (domain) {
    const id = await domainIdOf(deps, domain);
    if (id === undefined) throw new Unauthorized('no such domain');
    return { kind: 'domain', id };
  }
  return { kind: 'project', id: await projectIdOf(deps, project ?? {}) };
}

async function projectIdOf(
  deps: IdentityDeps,
  project: { id?: string; name?: string; domain?: { id?: string; name?: string } },
): Promise<string> {
  if (project.id !== undefined) return project.id;
  if (project.name === undefined) throw new Invalid('Expecting to find id or name in project.');
  const domainId = await domainIdOf(deps, project.domain);
  const row = domainId === undefined ? undefined : await deps.directory.projectByName(project.name, domainId);
  if (!row) throw new Unauthorized('no such project');
  return row.id;
}
