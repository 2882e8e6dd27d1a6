// Makes SQLite's commits durable without stopping the event loop: SQLite itself writes the log without waiting for the disk
// (synchronous = NORMAL), and whoever needs the commit to survive a power failure waits for one sync of the log that serves
// all who wait. A `kill -9` loses nothing in either case: what was written is in the kernel.
import { open, type FileHandle } from 'node:fs/promises';

export class WalSync implements AsyncDisposable {
  readonly #path: string;
  #handle: Promise<FileHandle> | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param databasePath of the database; its log lies beside it */
  constructor(databasePath: string) {
    this.#path = `${databasePath}-wal`;
  }

  /** Resolves when everything committed before this call is on the disk. */
  async flush(): Promise<void> {
    if (!this.#running) return (this.#running = this.#sync().finally(() => (this.#running = undefined)));
    // The sync under way may have begun before our commit: the next one serves us and all who come until it begins.
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(async () => {
        this.#next = undefined;
        return this.flush();
      });
    return this.#next;
  }

  async #sync(): Promise<void> {
    this.#handle ??= open(this.#path, 'r');
    await (await this.#handle).datasync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.catch(() => undefined);
    await (await this.#handle?.catch(() => undefined))?.close();
  }
}
