// Merges layers that only one other needs, one after the other, in the background. Whatever happens to it, the files stay
// true: data is copied up before the file below is let go of, and an aborted copy is no harm. Owned by driver.ts.
import type { Exports } from './exports.ts';
import type { Merge, Store } from './store.ts';

interface Running extends Merge {
  readonly abort: AbortController;
  /** Whether all was copied. Never rejects. */
  readonly copied: Promise<boolean>;
  settled: boolean;
}

export interface MergerOptions {
  readonly store: Store;
  readonly exports: Exports;
  /** One thing at a time: the same lock as the driver's operations. */
  readonly exclusive: <T>(act: () => Promise<T>) => Promise<T>;
}

export class Merger {
  readonly #options: MergerOptions;
  #running: Running | undefined;
  #loop: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: MergerOptions) {
    this.#options = options;
  }

  /** There may be something to merge. */
  nudge(): void {
    this.#again = true;
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
    });
  }

  /** Resolves when nothing is merged any longer. */
  async settled(): Promise<void> {
    while (this.#loop) await this.#loop;
  }

  /** Ends a merge into one of these layers, so that they can be changed. The caller holds the lock. */
  async release(layers: readonly { readonly name: string }[]): Promise<void> {
    const running = this.#running;
    if (!running || !layers.some(({ name }) => name === running.into.name)) return;
    running.abort.abort(new Error('the volume is being changed'));
    await this.#settle(running);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#running?.abort.abort(new Error('the backend is closing'));
    await this.settled();
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      const running = await this.#options.exclusive(async () => this.#begin()).catch(() => undefined);
      if (!running) continue;
      const copied = await running.copied;
      await this.#options.exclusive(async () => this.#settle(running)).catch(() => undefined);
      // What failed is tried again with the next change: a daemon that is away or a full disk take their time.
      if (copied) this.#again = true;
    }
  }

  async #begin(): Promise<Running | undefined> {
    const { store, exports } = this.#options;
    const merge = this.#closed ? undefined : store.findMerge();
    if (!merge) return undefined;
    await exports.openChain(merge.into);
    const abort = new AbortController();
    const copied = exports.merge(merge.into, merge.from, abort.signal).then(
      () => true,
      () => false,
    );
    this.#running = { ...merge, abort, copied, settled: false };
    return this.#running;
  }

  /** Once for each merge, by whoever holds the lock. */
  async #settle(running: Running): Promise<void> {
    const { store, exports } = this.#options;
    const copied = await running.copied;
    if (running.settled) return;
    running.settled = true;
    this.#running = undefined;
    const { into, from } = running;
    if (copied) {
      into.backing = from.backing;
      await exports.forget([from]);
      await store.layers.remove(from);
    }
    await exports.closeChain(into);
  }
}
