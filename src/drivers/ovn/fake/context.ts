// What the parts of the model of OVN share, and how they work through what changed.
import type { Clock } from '#platform/context/clock.ts';
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { northbound, southbound } from '../schema.ts';
import type { FakeOvnBehaviours } from '../fake.ts';

export interface FakeContext {
  readonly nb: OvsdbClient<typeof northbound>;
  readonly sb: OvsdbClient<typeof southbound>;
  readonly clock: Clock;
  readonly behaviours: FakeOvnBehaviours;
}

/**
 * Names whose rows are to be looked at, worked off one after the other; a name that comes again while it is worked on
 * is worked on again. Failures (a server that was killed) are tried again after a pause.
 */
export class DirtyQueue {
  readonly #work: (names: readonly string[], signal: AbortSignal) => Promise<void>;
  readonly #clock: Clock;
  readonly #names = new Set<string>();
  #controller = new AbortController();
  #running = false;

  constructor(clock: Clock, work: (names: readonly string[], signal: AbortSignal) => Promise<void>) {
    this.#clock = clock;
    this.#work = work;
    this.#controller.abort();
  }

  start(): void {
    if (!this.#controller.signal.aborted) return;
    this.#controller = new AbortController();
    void this.#run();
  }

  /** What was not done yet is forgotten: whoever starts it again looks at everything. */
  stop(): void {
    this.#controller.abort();
    this.#names.clear();
  }

  add(names: Iterable<string>): void {
    if (this.#controller.signal.aborted) return;
    for (const name of names) this.#names.add(name);
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const { signal } = this.#controller;
    while (this.#names.size > 0 && !signal.aborted) {
      const names = [...this.#names];
      this.#names.clear();
      try {
        await this.#work(names, signal);
      } catch {
        if (signal.aborted) break;
        for (const name of names) this.#names.add(name);
        await this.#clock.sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
    this.#running = false;
    if (this.#names.size > 0 && !this.#controller.signal.aborted) void this.#run();
  }
}

const RETRY_MS = 50;
