// Keeps one client connected: connects again with backoff whenever it is lost. For services that live long;
// short programs use LibvirtClient alone.
import type { LibvirtClient } from './client.ts';
import { LibvirtConnectionError } from './errors.ts';

export interface LibvirtSessionOptions {
  connect(): Promise<LibvirtClient>;
  /** Runs after each connect, before anyone gets the client: register events here. A throw counts as no connection. */
  onConnect(client: LibvirtClient): Promise<void>;
  /** First and longest pause between attempts, milliseconds. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
}

const BACKOFF = { minMs: 50, maxMs: 5_000 };

export class LibvirtSession implements AsyncDisposable {
  readonly #options: LibvirtSessionOptions;
  readonly #ended = new AbortController();
  #client: LibvirtClient | undefined;
  #attempt = Promise.withResolvers<LibvirtClient>();
  readonly #loop: Promise<void>;

  constructor(options: LibvirtSessionOptions) {
    this.#options = options;
    this.#renewAttempt();
    this.#loop = this.#run();
  }

  /** The connected client, or the outcome of the attempt under way. Throws LibvirtConnectionError if it fails. */
  client(): Promise<LibvirtClient> {
    if (this.#ended.signal.aborted) {
      return Promise.reject(new LibvirtConnectionError('closed', 'the session was closed here'));
    }
    const client = this.#client;
    return client !== undefined && !client.isClosed ? Promise.resolve(client) : this.#attempt.promise;
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#attempt.reject(new LibvirtConnectionError('closed', 'the session was closed here'));
    await this.#client?.close();
    await this.#loop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #renewAttempt(): void {
    this.#attempt = Promise.withResolvers();
    // Nobody may be waiting when an attempt fails.
    this.#attempt.promise.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { minMs, maxMs } = this.#options.backoff ?? BACKOFF;
    let pauseMs = minMs;
    while (!this.#ended.signal.aborted) {
      const client = await this.#connectOnce();
      if (client === undefined) {
        await pause(pauseMs, this.#ended.signal);
        pauseMs = Math.min(maxMs, pauseMs * 2);
        continue;
      }
      pauseMs = minMs;
      await client.closed;
      this.#client = undefined;
    }
  }

  async #connectOnce(): Promise<LibvirtClient | undefined> {
    const { resolve, reject } = this.#attempt;
    let client: LibvirtClient | undefined;
    try {
      client = await this.#options.connect();
      if (this.#ended.signal.aborted)
        throw new LibvirtConnectionError('closed', 'the session was closed here');
      await this.#options.onConnect(client);
    } catch (error) {
      await client?.close();
      // Whoever asks from now on gets the next attempt.
      this.#renewAttempt();
      reject(error);
      return undefined;
    }
    this.#client = client;
    this.#renewAttempt();
    resolve(client);
    return client;
  }
}

/** Ends early, without an error, when `signal` fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
