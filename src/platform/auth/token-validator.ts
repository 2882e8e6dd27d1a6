// How services other than identity check `X-Auth-Token`: they ask identity once per token, remember the answer for minutes,
// and forget it when identity says that tokens were revoked.
import { hash } from 'node:crypto';
import type { Bus, Subscription } from '#platform/bus/bus.ts';
import { createIdentityClient, type IdentityClient } from '#platform/clients/identity.ts';
import type { Transport } from '#platform/clients/transport.ts';
import type { Clock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Authenticator, Principal } from './principal.ts';
import { principalOf } from './token-body.ts';

export interface TokenValidatorOptions {
  readonly identity: Transport;
  readonly bus: Bus;
  readonly clock: Clock;
  /** A token that may validate others. */
  readonly serviceToken: () => Promise<string>;
  /** Called with a service token that identity refused, before one more try. */
  readonly forgetServiceToken?: (token: string) => void;
  /** How long an answer is believed without asking again; default 120 s. */
  readonly cacheSeconds?: number;
}

export interface TokenValidator extends Authenticator, AsyncDisposable {}

const REVOKED_TOPIC = 'identity.revoked';
const MAX_CACHED = 20_000;
const CACHE_SECONDS = 120; // bounds how long a token outlives its revocation when the word of it was lost

interface Cached {
  readonly principal: Principal;
  readonly until: number;
}

/** Which cached tokens a word of revocation is about; any that is set and matches. */
interface Revoked {
  readonly audit_id?: string;
  readonly audit_chain_id?: string;
  readonly user_id?: string;
  readonly project_id?: string;
  readonly domain_id?: string;
  readonly all?: boolean;
}

export async function createTokenValidator(options: TokenValidatorOptions): Promise<TokenValidator> {
  const cache = new TokenCache(options);
  const subscription = await options.bus.subscribe(REVOKED_TOPIC, (payload) =>
    cache.drop(payload as Revoked),
  );
  return {
    authenticate: async (token, serviceToken) => {
      const principal = await cache.principalOf(token, false).catch(async (error: unknown) => {
        if (serviceToken === undefined || !isRefusal(error)) throw error;
        await requireService(cache, serviceToken);
        return cache.principalOf(token, true);
      });
      return principal;
    },
    [Symbol.asyncDispose]: async () => subscription.close(),
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof DomainError && error.kind === 'unauthorized';
}

async function requireService(cache: TokenCache, serviceToken: string): Promise<void> {
  const service = await cache.principalOf(serviceToken, false);
  if (!service.roles.includes('service')) throw unauthorized();
}

class TokenCache {
  readonly #options: TokenValidatorOptions;
  readonly #client: IdentityClient;
  readonly #cached = new Map<string, Cached>();
  readonly #asking = new Map<string, Promise<Principal>>();
  /** Grows with each word of revocation: an answer that was under way then is not remembered. */
  #epoch = 0;

  constructor(options: TokenValidatorOptions) {
    this.#options = options;
    this.#client = createIdentityClient(options.identity);
  }

  async principalOf(token: string, allowExpired: boolean): Promise<Principal> {
    const key = (allowExpired ? 'expired ' : '') + hash('sha256', token, 'base64');
    const known = this.#cached.get(key);
    if (known && known.until > this.#options.clock.now()) return known.principal;
    const asking = this.#asking.get(key) ?? this.#ask(key, token, allowExpired);
    return asking;
  }

  drop(revoked: Revoked): void {
    this.#epoch += 1;
    this.#asking.clear(); // whoever asks from now on asks anew
    for (const [key, { principal }] of this.#cached) {
      if (concerns(revoked, principal)) this.#cached.delete(key);
    }
  }

  async #ask(key: string, token: string, allowExpired: boolean): Promise<Principal> {
    const epoch = this.#epoch;
    const asking = this.#validate(token, allowExpired);
    this.#asking.set(key, asking);
    try {
      const principal = await asking;
      if (epoch === this.#epoch) this.#remember(key, principal, allowExpired);
      return principal;
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    }
  }

  async #validate(token: string, allowExpired: boolean): Promise<Principal> {
    const own = await this.#options.serviceToken();
    const body = await this.#client
      .validateToken(token, own, { allowExpired })
      .catch(async (error: unknown) => {
        if (!isRefusal(error) || !this.#options.forgetServiceToken) throw error;
        this.#options.forgetServiceToken(own);
        return this.#client.validateToken(token, await this.#options.serviceToken(), { allowExpired });
      });
    if (!body) throw unauthorized();
    return principalOf(body);
  }

  #remember(key: string, principal: Principal, allowExpired: boolean): void {
    const now = this.#options.clock.now();
    const believed = now + (this.#options.cacheSeconds ?? CACHE_SECONDS) * 1000;
    const expiry = allowExpired ? believed : Date.parse(principal.expiresAt);
    if (this.#cached.size >= MAX_CACHED) this.#cached.clear();
    this.#cached.set(key, { principal, until: Math.min(believed, expiry) });
  }
}

function concerns(revoked: Revoked, principal: Principal): boolean {
  return (
    revoked.all === true ||
    (revoked.user_id !== undefined &&
      [principal.userId, principal.trust?.trustorId, principal.trust?.trusteeId].includes(revoked.user_id)) ||
    (revoked.project_id !== undefined && revoked.project_id === principal.projectId) ||
    (revoked.domain_id !== undefined &&
      [principal.domainId, principal.userDomainId, principal.projectDomainId].includes(revoked.domain_id)) ||
    (revoked.audit_id !== undefined && revoked.audit_id === principal.auditIds[0]) ||
    (revoked.audit_chain_id !== undefined && principal.auditIds.includes(revoked.audit_chain_id))
  );
}

function unauthorized(): DomainError {
  return new DomainError(
    'unauthorized',
    'unauthorized',
    'The request you have made requires authentication.',
  );
}

export interface ServiceLogin {
  readonly username: string;
  readonly password: string;
  /** Default `service`. */
  readonly projectName?: string;
}

export interface ServiceTokenSource extends AsyncDisposable {
  /** A token with a minute or more to live. One login serves all who ask at once. */
  readonly token: () => Promise<string>;
  /** Call when identity refused `token`: the next call logs in again. */
  readonly forget: (token: string) => void;
}

const RENEW_BEFORE_MS = 300_000; // longer than any request that begins with the token may take

/** Logs a service's own user in, and again before the token expires or when it was revoked. */
export async function createServiceTokenSource(options: {
  readonly identity: Transport;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly login: ServiceLogin;
}): Promise<ServiceTokenSource> {
  const client = createIdentityClient(options.identity);
  let held: { token: string; principal: Principal } | undefined;
  let asking: Promise<string> | undefined;
  const subscription: Subscription = await options.bus.subscribe(REVOKED_TOPIC, (payload) => {
    if (held && concerns(payload as Revoked, held.principal)) held = undefined;
  });
  const renew = async (): Promise<string> => {
    const issued = await client.logIn({
      username: options.login.username,
      password: options.login.password,
      projectName: options.login.projectName ?? 'service',
    });
    held = issued;
    return issued.token;
  };
  return {
    token: async () => {
      const now = options.clock.now();
      if (held && Date.parse(held.principal.expiresAt) - RENEW_BEFORE_MS > now) return held.token;
      asking ??= renew().finally(() => (asking = undefined));
      return asking;
    },
    forget: (token) => {
      if (held?.token === token) held = undefined;
    },
    [Symbol.asyncDispose]: async () => subscription.close(),
  };
}
