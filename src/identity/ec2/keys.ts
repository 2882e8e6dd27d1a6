// What the blob of an EC2 credential holds: the keys, and what the credential was made with, which its tokens stay bound to.
import { hash } from 'node:crypto';
import type { Principal } from '#platform/auth/principal.ts';
import type { CredentialRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';

export interface Keys {
  readonly access: string;
  readonly secret: string;
  readonly trust_id?: string;
  readonly app_cred_id?: string;
  readonly access_token_id?: string;
}

/** Written by the service alone: who could choose them would choose whose token comes out. */
export const BINDINGS = ['trust_id', 'app_cred_id', 'access_token_id'] as const;

export function idOfAccess(access: string): string {
  return hash('sha256', access, 'hex');
}

/** Undefined for a row whose blob its user made without them. */
export function keysOf(row: CredentialRow, deps: IdentityDeps): Keys | undefined {
  return keysIn(deps.credentialKeys.open(row.encrypted_blob)?.toString('utf8') ?? '');
}

export function keysIn(text: string): Keys | undefined {
  const blob = objectIn(text);
  const { access, secret } = blob ?? {};
  if (!blob || typeof access !== 'string' || typeof secret !== 'string') return undefined;
  const bound = BINDINGS.flatMap((key) => {
    const value = blob[key];
    return typeof value === 'string' ? [[key, value] as const] : [];
  });
  return { access, secret, ...Object.fromEntries(bound) };
}

/** Undefined for a text that is no JSON object. */
export function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What a credential is bound to that the caller makes. */
export function bindingsOf(principal: Principal): Partial<Record<(typeof BINDINGS)[number], string>> {
  const { trust, applicationCredentialId, accessTokenId } = principal;
  return {
    ...(trust ? { trust_id: trust.id } : {}),
    ...(applicationCredentialId === undefined ? {} : { app_cred_id: applicationCredentialId }),
    ...(accessTokenId === undefined ? {} : { access_token_id: accessTokenId }),
  };
}
