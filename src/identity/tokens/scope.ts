// From the scope that a login asks for (or does not) to the scope of its token.
import type { IdentityDeps } from '../deps.ts';
import { Invalid, Unauthorized } from '../errors.ts';
import { domainIdOf, type Proof } from './methods.ts';
import type { TokenScope } from './payload.ts';
import type { ScopePart } from './schema.ts';

export interface WantedScope {
  readonly scope: TokenScope;
  /** True: nobody asked; when the user may not have it the token is unscoped. */
  readonly byDefault: boolean;
}

/** @throws Unauthorized for a scope that does not exist @throws Invalid for one that is no scope */
export async function wantedScope(
  deps: IdentityDeps,
  proof: Proof,
  asked: ScopePart | undefined,
): Promise<WantedScope> {
  if (proof.credential) {
    if (asked !== undefined) throw new Invalid('Application credentials cannot request a scope.');
    return { scope: { kind: 'project', id: proof.credential.project_id }, byDefault: false };
  }
  if (asked === undefined) return defaultScope(deps, proof);
  return { scope: await explicitScope(deps, asked), byDefault: false };
}

async function defaultScope(deps: IdentityDeps, proof: Proof): Promise<WantedScope> {
  const user = proof.parent ? undefined : await deps.directory.user(proof.userId);
  const id = user?.default_project_id ?? undefined;
  return { scope: id === undefined ? { kind: 'unscoped' } : { kind: 'project', id }, byDefault: true };
}

async function explicitScope(deps: IdentityDeps, asked: ScopePart): Promise<TokenScope> {
  if (asked === 'unscoped' || asked.unscoped !== undefined) return { kind: 'unscoped' };
  const { project, domain, system } = asked;
  if ([project, domain, system].filter((each) => each !== undefined).length !== 1) {
    throw new Invalid('The scope must be one of project, domain, system or unscoped.');
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
