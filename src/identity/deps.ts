// What every handler of identity gets. Made in `service.ts`.
import { randomUUID } from 'node:crypto';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { IdentityConfig } from './config.ts';
import type { IdentityDatabase } from './database.ts';
import type { Directory } from './directory/directory.ts';
import type { SeenRequests } from './oauth1/verify.ts';
import type { PasswordHasher } from './passwords/hash.ts';
import type { Passwords } from './passwords/passwords.ts';
import type { KeyRepository } from './tokens/key-repository.ts';
import type { Passcodes } from './tokens/totp.ts';
import type { TokenProvider } from './tokens/provider.ts';
import type { Revocations } from './tokens/revocation.ts';

export interface IdentityDeps {
  readonly config: IdentityConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly db: IdentityDatabase;
  readonly directory: Directory;
  readonly hasher: PasswordHasher;
  readonly passwords: Passwords;
  readonly tokens: TokenProvider;
  readonly revocations: Revocations;
  /** Signed OAuth requests, each of which counts once. */
  readonly seenRequests: SeenRequests;
  readonly passcodes: Passcodes;
  /** Seals the receipts of logins in several steps. */
  readonly receiptKeys: KeyRepository;
  /** Seals the blobs of credentials. */
  readonly credentialKeys: KeyRepository;
}

/** 32 hex digits, as identity's ids are. */
export function newId(): string {
  return randomUUID().replaceAll('-', '');
}
