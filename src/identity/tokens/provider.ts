// Issues tokens and validates them: Fernet around the payload, the context looked up, revocations heeded. No database is
// asked on the way while nothing was written since the last time.
import { hash } from 'node:crypto';
import type { Clock } from '#platform/context/clock.ts';
import type { TokenBody } from '#platform/auth/token-body.ts';
import type { IdentityConfig } from '../config.ts';
import type { Directory } from '../directory/directory.ts';
import { Forbidden, Unauthorized } from '../errors.ts';
import { contextOf, type TokenContext } from './context.ts';
import type { KeyRepository } from './key-repository.ts';
import {
  decodePayload,
  encodePayload,
  newAuditId,
  type AuthMethod,
  type TokenPayload,
  type TokenScope,
} from './payload.ts';
import type { Revocations } from './revocation.ts';

export interface Grant {
  readonly userId: string;
  readonly methods: readonly AuthMethod[];
  readonly scope: TokenScope;
  readonly applicationCredentialId?: string;
  readonly trustId?: string;
  readonly accessTokenId?: string;
  /** The token it is made from: its expiry and its audit chain go on. */
  readonly parent?: TokenPayload;
  /** No later than this, in milliseconds since the epoch. */
  readonly notAfter?: number;
}

export interface ValidToken {
  readonly payload: TokenPayload;
  readonly body: TokenBody;
}

interface CachedToken extends ValidToken {
  readonly generation: number;
  readonly revocations: number;
  readonly checkedAt: number;
}

const MAX_CACHED = 20_000;
const MAX_TOKEN_LENGTH = 2048; // our own are below 400; longer ones are not worth a decryption
const CONTEXT_MAX_AGE_MS = 5_000; // an application credential may expire without a write

export class TokenProvider {
  readonly #config: IdentityConfig;
  readonly #clock: Clock;
  readonly #keys: KeyRepository;
  readonly #directory: Directory;
  readonly #revocations: Revocations;
  readonly #cache = new Map<string, CachedToken>();

  constructor(
    config: IdentityConfig,
    clock: Clock,
    keys: KeyRepository,
    directory: Directory,
    revocations: Revocations,
  ) {
    this.#config = config;
    this.#clock = clock;
    this.#keys = keys;
    this.#directory = directory;
    this.#revocations = revocations;
  }

  /** @throws Unauthorized when the user may not have this scope. @throws Forbidden when a trust does not give it. */
  async issue(grant: Grant): Promise<{ token: string; body: TokenBody }> {
    const context = await contextOf(this.#directory, this.#clock, grant);
    const issuedAt = Math.max(
      this.#clock.now(),
      ...concerned(grant.userId, context).map((id) => this.#revocations.earliestIssue(id)),
    );
    const expiresAt = Math.min(
      grant.parent?.expiresAt ?? issuedAt + this.#config.tokenLifetimeSeconds * 1000,
      grant.notAfter ?? Number.MAX_SAFE_INTEGER,
    );
    const chain = grant.parent?.auditIds[1] ?? grant.parent?.auditIds[0];
    const payload: TokenPayload = {
      userId: grant.userId,
      methods: grant.methods,
      scope: grant.scope,
      issuedAt,
      expiresAt: Math.floor(expiresAt / 1000) * 1000, // whole seconds: what clients are told is exact
      auditIds: chain === undefined ? [newAuditId()] : [newAuditId(), chain],
      ...(grant.applicationCredentialId === undefined
        ? {}
        : { applicationCredentialId: grant.applicationCredentialId }),
      ...(grant.trustId === undefined ? {} : { trustId: grant.trustId }),
      ...(grant.accessTokenId === undefined ? {} : { accessTokenId: grant.accessTokenId }),
    };
    const token = this.#keys.seal(encodePayload(payload), issuedAt);
    return { token, body: bodyOf(payload, context) };
  }

  /** @throws Unauthorized for anything but a token of ours that holds now. */
  async validate(token: string, options: { allowExpired?: boolean } = {}): Promise<ValidToken> {
    const key = token.length > MAX_TOKEN_LENGTH ? '' : hash('sha256', token, 'base64');
    const known = this.#cache.get(key);
    const now = this.#clock.now();
    if (known && this.#holds(known, now)) {
      this.#refuseExpired(known.payload, now, options.allowExpired ?? false);
      return known;
    }
    const payload = this.read(token);
    this.#refuseExpired(payload, now, options.allowExpired ?? false);
    const { generation } = this.#directory.memo;
    const revocations = this.#revocations.version;
    if (this.#revocations.isRevoked(payload)) throw new Unauthorized('the token is revoked');
    const context = await this.#contextNow(payload);
    for (const userId of concerned(payload.userId, context)) {
      if (this.#revocations.isRevoked({ ...payload, userId })) throw new Unauthorized('the token is revoked');
    }
    const valid = { payload, body: bodyOf(payload, context), generation, revocations, checkedAt: now };
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(key, valid);
    return valid;
  }

  async #contextNow(payload: TokenPayload): Promise<TokenContext> {
    try {
      return await contextOf(this.#directory, this.#clock, payload);
    } catch (error) {
      if (error instanceof Forbidden) throw new Unauthorized(error.message); // no trust holds any longer
      throw error;
    }
  }

  /** What the token carries, whether it holds or not. @throws Unauthorized when it is none of ours. */
  read(token: string): TokenPayload {
    const opened = token.length > MAX_TOKEN_LENGTH ? undefined : this.#keys.open(token);
    const payload = opened && decodePayload(opened);
    if (!payload) throw new Unauthorized('the token is not one of ours');
    return payload;
  }

  #holds(known: CachedToken, now: number): boolean {
    return (
      known.generation === this.#directory.memo.generation &&
      known.revocations === this.#revocations.version &&
      now - known.checkedAt < CONTEXT_MAX_AGE_MS
    );
  }

  #refuseExpired(payload: TokenPayload, now: number, allowExpired: boolean): void {
    const grace = allowExpired ? this.#config.allowExpiredSeconds * 1000 : 0;
    if (payload.expiresAt + grace <= now) throw new Unauthorized('the token has expired');
  }
}

/** Whose tokens it is among when those of a user are revoked: of a trust, both sides'. */
function concerned(userId: string, context: TokenContext): readonly string[] {
  const trust = context['OS-TRUST:trust'];
  return trust ? [userId, trust.trustor_user.id] : [userId];
}

function bodyOf(payload: TokenPayload, context: TokenContext): TokenBody {
  return {
    methods: payload.methods,
    audit_ids: payload.auditIds,
    issued_at: tokenTime(payload.issuedAt),
    expires_at: tokenTime(payload.expiresAt),
    ...context,
  };
}

/** ISO 8601 with microseconds, as the identity API shows times. */
export function tokenTime(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z');
}
