// A cache of what was read from the database, emptied as a whole by any write: a login needs six facts that change
// rarely, and one wrong answer after a change would be a hole. Used by `directory.ts`.
import type { Clock } from '#platform/context/clock.ts';

const MAX_ENTRIES = 50_000;

export class Memo {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  #generation = 0;
  #entries = new Map<string, { value: unknown; readAt: number }>();

  /** `maxAgeMs` bounds how long a write of another process may go unseen if its message is lost. */
  constructor(clock: Clock, maxAgeMs: number) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Grows with every `clear`. */
  get generation(): number {
    return this.#generation;
  }

  clear(): void {
    this.#generation += 1;
    this.#entries.clear();
  }

  /** The cached value of `key`, or what `read` returns; absence is cached too. */
  async get<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(key);
    if (known && this.#clock.now() - known.readAt < this.#maxAgeMs) return known.value as T;
    const generation = this.#generation;
    const readAt = this.#clock.now();
    const value = await read();
    if (generation === this.#generation) this.#keep(key, value, readAt); // else a write came between: not known to be fresh
    return value;
  }

  #keep(key: string, value: unknown, readAt: number): void {
    if (this.#entries.size >= MAX_ENTRIES) this.#entries.clear();
    this.#entries.set(key, { value, readAt });
  }
}
