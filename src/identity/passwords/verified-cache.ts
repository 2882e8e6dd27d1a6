// Remembers for minutes which password was right for which hash, so that programs that log in again and again cost no
// new hash. Keeps an HMAC under a key of this process, never the password; a changed hash no more matches.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#platform/context/clock.ts';
import type { PasswordHasher } from './hash.ts';

interface Entry {
  readonly mark: Buffer;
  readonly until: number;
}

const MAX_ENTRIES = 10_000;

export class VerifiedPasswords {
  readonly #hasher: PasswordHasher;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #key = randomBytes(32);
  readonly #entries = new Map<string, Entry>();
  /** Verifications under way: the same password given by many at once costs one hash. */
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor(hasher: PasswordHasher, clock: Clock, ttlSeconds: number) {
    this.#hasher = hasher;
    this.#clock = clock;
    this.#ttlMs = ttlSeconds * 1000;
  }

  /** True when `password` is the one of `phc`. A wrong password is never remembered. */
  async verify(password: string, phc: string): Promise<boolean> {
    const mark = createHmac('sha256', this.#key).update(password).digest();
    const known = this.#entries.get(phc);
    if (known && known.until > this.#clock.now() && timingSafeEqual(known.mark, mark)) return true;
    const key = phc + mark.toString('base64');
    const pending = this.#pending.get(key) ?? this.#verifyAnew(password, phc, mark, key);
    return pending;
  }

  async #verifyAnew(password: string, phc: string, mark: Buffer, key: string): Promise<boolean> {
    const verifying = this.#hasher.verify(password, phc);
    this.#pending.set(key, verifying);
    try {
      const right = await verifying;
      if (right && this.#ttlMs > 0) this.#remember(phc, mark);
      return right;
    } finally {
      this.#pending.delete(key);
    }
  }

  #remember(phc: string, mark: Buffer): void {
    this.#entries.delete(phc);
    this.#entries.set(phc, { mark, until: this.#clock.now() + this.#ttlMs });
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
  }
}
