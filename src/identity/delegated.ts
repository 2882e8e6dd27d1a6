// What callers may not who came with a token that somebody gave them: by a trust, an OAuth access token or an application
// credential. Such tokens must not make what outlives them, nor reach beyond their project.
import type { Principal } from '#platform/auth/principal.ts';
import type { Call } from '#platform/http/api.ts';
import type { IdentityDeps } from './deps.ts';
import { Forbidden } from './errors.ts';

export function isDelegated({ trust, accessTokenId, applicationCredentialId }: Principal): boolean {
  return trust !== undefined || accessTokenId !== undefined || applicationCredentialId !== undefined;
}

/** @throws Forbidden for a token of a trust or an OAuth access token */
export function refuseEntrusted(call: Call, what: string): void {
  const { trust, accessTokenId } = call.principal;
  if (trust !== undefined || accessTokenId !== undefined) {
    throw new Forbidden(`Cannot manage ${what} with a token issued via delegation.`);
  }
}

/** @throws Forbidden for a delegated token and what lies in another project than its own, or in none */
export function refuseBeyondProject(call: Call, projectId: string | null): void {
  if (isWithinDelegation(call.principal, projectId)) return;
  throw new Forbidden('Credential project does not match the project scope of the delegated token.');
}

export function isWithinDelegation(principal: Principal, projectId: string | null): boolean {
  return !isDelegated(principal) || projectId === (principal.projectId ?? '');
}

/** @throws Forbidden for a token of an application credential that is not unrestricted */
export async function refuseRestricted(call: Call, deps: IdentityDeps, what: string): Promise<void> {
  const { applicationCredentialId: id } = call.principal;
  if (id === undefined) return;
  const own = await deps.directory.applicationCredential(id);
  if (own?.unrestricted !== 1) {
    throw new Forbidden(`Using method 'application_credential' is not allowed for managing ${what}.`);
  }
}
