// Which tokens are refused before they expire, in memory and in the database, and the word to everyone who caches tokens.
import type { Bus, Subscription } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { IdentityDatabase, IdentityExecutor, RevocationRow } from '../database.ts';
import { insertRevocation, listRevocations, postponeRevocation, pruneRevocations } from './store.ts';
import type { TokenPayload } from './payload.ts';

/** Payload of the fanout topic `identity.revoked`: cached tokens that match any of the set attributes are dropped. */
export interface Revoked {
  readonly audit_id?: string;
  readonly audit_chain_id?: string;
  readonly user_id?: string;
  readonly project_id?: string;
  readonly domain_id?: string;
  /** Roles changed in a way that may touch any token. */
  readonly all?: true;
}

type Subject = Pick<Revoked, 'audit_id' | 'audit_chain_id' | 'user_id'>;

export interface PendingRevocation {
  readonly write: (trx: IdentityExecutor) => Promise<void>;
  readonly done: () => Promise<void>;
}

export const REVOKED_TOPIC = 'identity.revoked';

export class Revocations {
  readonly #db: IdentityDatabase;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #keepMs: number;
  /** Audit id → when it was revoked, oldest first. */
  readonly #audits = new Map<string, number>();
  readonly #chains = new Map<string, number>();
  readonly #users = new Map<string, number>();
  #subscription: Subscription | undefined;
  #version = 0;

  /** `keepMs`: the longest time in which a token may be accepted. */
  constructor(db: IdentityDatabase, bus: Bus, clock: Clock, keepMs: number) {
    this.#db = db;
    this.#bus = bus;
    this.#clock = clock;
    this.#keepMs = keepMs;
  }

  /** Grows with every change, for caches of validated tokens. */
  get version(): number {
    return this.#version;
  }

  /** Reads what is revoked, and from then on what other identity processes revoke. `heard` is told of each word. */
  async start(heard: () => void): Promise<void> {
    this.#subscription = await this.#bus.subscribe(REVOKED_TOPIC, () => {
      heard();
      if (this.#bus.kind !== 'in-process') void this.#load().catch(() => {}); // the next word or restart reads again
    });
    await this.#load();
  }

  async close(): Promise<void> {
    await this.#subscription?.close();
  }

  isRevoked(token: TokenPayload): boolean {
    if (this.#audits.has(token.auditIds[0])) return true;
    if (this.#chains.has(token.auditIds[1] ?? token.auditIds[0])) return true;
    const before = this.#users.get(token.userId);
    return before !== undefined && token.issuedAt <= before;
  }

  /** No earlier than this may a new token of the user say it was issued, or it would be refused at once. */
  earliestIssue(userId: string): number {
    const before = this.#users.get(userId);
    return before === undefined ? 0 : before + 1;
  }

  async revokeToken(token: TokenPayload): Promise<void> {
    await this.#add({ audit_id: token.auditIds[0] });
    await this.announce({ audit_id: token.auditIds[0] });
  }

  /** The token, the one it was made from, and all made from that. */
  async revokeChain(token: TokenPayload): Promise<void> {
    const chain = token.auditIds[1] ?? token.auditIds[0];
    await this.#add({ audit_chain_id: chain });
    await this.announce({ audit_chain_id: chain });
  }

  /**
   * All tokens of the user that were issued until now, as part of the change that asks for it: `write` in its
   * transaction, so that no crash leaves them valid, `done` after the commit.
   */
  ofUser(userId: string): PendingRevocation {
    const row = this.#row({ user_id: userId });
    return {
      write: async (trx) => insertRevocation(trx, row),
      done: async () => {
        const issuedBefore = this.#clock.now(); // a login with the old password may have come before the commit
        await postponeRevocation(this.#db.kysely, row.id, issuedBefore);
        this.#apply({ ...row, issued_before: issuedBefore });
        await this.announce({ user_id: userId });
      },
    };
  }

  /** Tells the validators only: for changes that a new validation sees by itself (roles, disabled projects). */
  async announce(revoked: Revoked): Promise<void> {
    this.#version += 1;
    await this.#bus.publish(REVOKED_TOPIC, revoked);
  }

  async #add(what: Subject): Promise<void> {
    const row = this.#row(what);
    await this.#db.transaction(async (trx) => {
      await pruneRevocations(trx, row.revoked_at - this.#keepMs);
      await insertRevocation(trx, row);
    });
    this.#apply(row);
  }

  #row(what: Subject): RevocationRow {
    const now = this.#clock.now();
    return {
      id: crypto.randomUUID(),
      audit_id: what.audit_id ?? null,
      audit_chain_id: what.audit_chain_id ?? null,
      user_id: what.user_id ?? null,
      issued_before: now,
      revoked_at: now,
    };
  }

  async #load(): Promise<void> {
    for (const row of await listRevocations(this.#db.kysely)) this.#apply(row);
  }

  #apply(row: RevocationRow): void {
    this.#version += 1;
    if (row.audit_id !== null) this.#audits.set(row.audit_id, row.revoked_at);
    if (row.audit_chain_id !== null) this.#chains.set(row.audit_chain_id, row.revoked_at);
    if (row.user_id !== null) {
      const before = this.#users.get(row.user_id) ?? 0;
      this.#users.delete(row.user_id);
      this.#users.set(row.user_id, Math.max(before, row.issued_before));
    }
    for (const entries of [this.#audits, this.#chains, this.#users]) this.#forget(entries);
  }

  /** Drops those older than any token that could still be shown. */
  #forget(entries: Map<string, number>): void {
    const limit = this.#clock.now() - this.#keepMs;
    for (const [key, at] of entries) {
      if (at >= limit) return;
      entries.delete(key);
    }
  }
}
