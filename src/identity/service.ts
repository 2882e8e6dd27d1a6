// Identity: opens its database and keys, and collects its routes. Created by `src/cloud/assemble.ts`.
import { join } from 'node:path';
import type { Api, Route } from '#platform/http/api.ts';
import type { Authenticator } from '#platform/auth/principal.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import type { Service, ServiceContext } from '#platform/service/service.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { identityConfig, type IdentityConfig, type IdentityOptions } from './config.ts';
import type { IdentityTables } from './database.ts';
import type { IdentityDeps } from './deps.ts';
import { Directory } from './directory/directory.ts';
import { renderFault, schemaMessage } from './fault.ts';
import { identityTables } from './migrations/001-identity.ts';
import { policyTable } from './migrations/002-policies.ts';
import { trustTable } from './migrations/003-trusts.ts';
import { endpointFilterTables } from './migrations/004-endpoint-filter.ts';
import { domainConfigTable } from './migrations/005-domain-config.ts';
import { limitTables } from './migrations/006-limits.ts';
import { oauthTables } from './migrations/007-oauth1.ts';
import { policyAssociationTable } from './migrations/008-endpoint-policy.ts';
import { usedOnceTables } from './migrations/009-used-once.ts';
import { SeenRequests } from './oauth1/verify.ts';
import { PasswordHasher } from './passwords/hash.ts';
import { Passwords } from './passwords/passwords.ts';
import { identityPolicies } from './policies.ts';
import { identityRoutes } from './routes.ts';
import { identityAuthenticator } from './tokens/authenticator.ts';
import { KeyRepository } from './tokens/key-repository.ts';
import { Passcodes } from './tokens/totp.ts';
import { TokenProvider } from './tokens/provider.ts';
import { Revocations } from './tokens/revocation.ts';

const SHARED_MAX_AGE_MS = 5_000; // bounds a stale answer when another process' word was lost
const OWN_MAX_AGE_MS = 60_000; // one process sees all its own writes

const MIGRATIONS = [
  identityTables,
  policyTable,
  trustTable,
  endpointFilterTables,
  domainConfigTable,
  limitTables,
  oauthTables,
  policyAssociationTable,
  usedOnceTables,
];

export interface IdentityService extends Service<IdentityDeps> {
  readonly name: 'identity';
  /** For identity's own API and for tests; other services use `createTokenValidator`. */
  readonly authenticator: Authenticator;
  readonly deps: IdentityDeps;
  /** The staged key becomes primary; tokens sealed with the oldest key can no more be opened. */
  rotateTokenKeys(): void;
}

export async function createIdentityService(
  context: Pick<ServiceContext, 'log' | 'clock' | 'bus' | 'databaseUrl' | 'dataDir' | 'policyOverrides'>,
  options: IdentityOptions = {},
): Promise<IdentityService> {
  const config = identityConfig(options);
  const keys = new KeyRepository(join(context.dataDir, 'fernet-keys'), config.maxActiveKeys);
  const deps = await createDeps(context, config, keys);
  const api: Api<IdentityDeps> = {
    name: 'identity',
    prefix: '/identity',
    routes: identityRoutes as readonly Route<IdentityDeps>[],
    deps,
    enforcer: new Enforcer(identityPolicies, context.policyOverrides),
    faults: { 'unsupported-media-type': 400 },
    renderFault,
    schemaMessage,
    bodyLimit: 112 * 1024,
    bodyRules: { order: 'body, token, rule, schema', ignoredOf: [] },
    tellsPaths: true,
    vary: 'X-Auth-Token',
  };
  return {
    name: 'identity',
    api,
    deps,
    authenticator: identityAuthenticator(deps.tokens),
    rotateTokenKeys: () => keys.rotate(),
    start: async () => {},
    [Symbol.asyncDispose]: async () => {
      await deps.revocations.close();
      await deps.db[Symbol.asyncDispose]();
    },
  };
}

async function createDeps(
  context: Pick<ServiceContext, 'log' | 'clock' | 'bus' | 'databaseUrl' | 'dataDir'>,
  config: IdentityConfig,
  keys: KeyRepository,
): Promise<IdentityDeps> {
  const { clock, bus, log } = context;
  const db = openDatabase<IdentityTables>(context.databaseUrl);
  await migrate(db, 'identity', MIGRATIONS);
  const directory = new Directory(db, clock, bus.kind === 'in-process' ? OWN_MAX_AGE_MS : SHARED_MAX_AGE_MS);
  const keepMs = (config.tokenLifetimeSeconds + config.allowExpiredSeconds) * 1000;
  const revocations = new Revocations(db, bus, clock, keepMs);
  await revocations.start(() => directory.memo.clear());
  const hasher = new PasswordHasher(config.passwordHash, config.concurrentHashes);
  return {
    config,
    clock,
    log,
    db,
    directory,
    hasher,
    passwords: new Passwords(config, clock, db, hasher),
    tokens: new TokenProvider(config, clock, keys, directory, revocations),
    revocations,
    seenRequests: new SeenRequests(clock, db),
    passcodes: new Passcodes(clock, db),
    receiptKeys: new KeyRepository(join(context.dataDir, 'receipt-keys'), config.maxActiveKeys),
    credentialKeys: new KeyRepository(join(context.dataDir, 'credential-keys'), config.maxActiveKeys),
  };
}
