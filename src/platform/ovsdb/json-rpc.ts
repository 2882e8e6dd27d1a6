// One JSON-RPC 1.0 peer over a duplex stream: requests with deadlines, notifications, echo replies, and a probe that
// notices a dead peer. Used by session.ts, and from the other side by memory-server.ts.
import type { Duplex } from 'node:stream';
import { OvsdbError, OvsdbTimeoutError } from './errors.ts';
import { JsonFramer } from './framing.ts';

export interface PeerOptions {
  /** Called for every notification, in order of arrival, synchronously. */
  onNotification?: (method: string, params: readonly unknown[]) => void;
  /** Answers requests of the other side; throwing answers with an error. `echo` is answered without it. */
  onRequest?: (method: string, params: readonly unknown[], id: unknown) => unknown;
  /** After this much silence an echo is sent; after twice as much the connection is given up. 0 turns it off. */
  probeIntervalMs?: number;
}

export interface RequestOptions<T> {
  deadlineMs: number;
  /** Gives up on the reply, rejecting with the signal's reason; the other side is asked to cancel a transaction. */
  signal?: AbortSignal;
  /**
   * Turns the result into the answer, synchronously at arrival: before any later message is looked at. A snapshot
   * must be taken here, since the updates that follow may come in the same chunk of bytes.
   */
  accept?: (result: unknown) => T;
}

interface Pending {
  method: string;
  settle: (error: Error | undefined, result: unknown) => void;
}

/** What the other side answered in place of a result. */
export class RpcFailure extends OvsdbError {
  override name = 'RpcFailure';
}

export class JsonRpcPeer {
  readonly #stream: Duplex;
  readonly #options: PeerOptions;
  readonly #framer = new JsonFramer();
  readonly #pending = new Map<number, Pending>();
  readonly #closed = Promise.withResolvers<Error>();
  #nextId = 0;
  #lastHeard = performance.now();
  #probe: NodeJS.Timeout | undefined;
  #end: Error | undefined;

  constructor(stream: Duplex, options: PeerOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (cause) => this.close(lost(cause)));
    stream.on('end', () => this.close(lost()));
    stream.on('close', () => this.close(lost()));
    const interval = options.probeIntervalMs ?? 0;
    if (interval > 0) this.#probe = setInterval(() => this.#checkAlive(interval), interval).unref();
  }

  /** Resolves with the reason once the connection has ended, whoever ended it. */
  get closed(): Promise<Error> {
    return this.#closed.promise;
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  /** Rejects with RpcFailure, OvsdbTimeoutError, or a 'connection lost' OvsdbError. */
  request<T = unknown>(method: string, params: readonly unknown[], options: RequestOptions<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#end) {
      reject(this.#end);
      return promise;
    }
    const id = this.#nextId++;
    const giveUp = (reason: unknown): void => {
      settled();
      if (method === 'transact') this.notify('cancel', [id]);
      reject(reason);
    };
    const timer = setTimeout(() => {
      giveUp(
        new OvsdbTimeoutError(options.deadlineMs, { details: `no reply to ${method}`, outcome: 'unknown' }),
      );
    }, options.deadlineMs);
    const onAbort = (): void => giveUp(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort);
    const settled = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
    };
    const settle = (error: Error | undefined, result: unknown): void => {
      settled();
      if (error) return reject(error);
      try {
        resolve(options.accept ? options.accept(result) : (result as T));
      } catch (failure) {
        reject(failure);
      }
    };
    this.#pending.set(id, { method, settle });
    this.#send({ id, method, params });
    return promise;
  }

  notify(method: string, params: readonly unknown[]): void {
    this.#send({ id: null, method, params });
  }

  /** Ends the connection; what is pending rejects with the reason. */
  close(reason: Error = new OvsdbError('closed', { outcome: 'unknown' })): void {
    if (this.#end) return;
    this.#end = reason;
    clearInterval(this.#probe);
    this.#stream.destroy();
    for (const { settle } of this.#pending.values()) settle(reason, undefined);
    this.#closed.resolve(reason);
  }

  #send(message: object): void {
    if (!this.#end) this.#stream.write(JSON.stringify(message));
  }

  #checkAlive(interval: number): void {
    const silence = performance.now() - this.#lastHeard;
    if (silence >= 2 * interval) {
      this.close(
        new OvsdbError('connection lost', { details: 'the peer answers no probe', outcome: 'unknown' }),
      );
    } else if (silence >= interval * 0.9) this.#send({ id: 'echo', method: 'echo', params: [] });
  }

  #receive(chunk: Buffer): void {
    if (this.#end) return;
    this.#lastHeard = performance.now();
    try {
      for (const message of this.#framer.push(chunk)) this.#dispatch(message as Record<string, unknown>);
    } catch (error) {
      this.close(error instanceof Error ? error : new OvsdbError('protocol error', { cause: error }));
    }
  }

  #dispatch(message: Record<string, unknown>): void {
    const { id, method } = message;
    if (typeof method !== 'string') return this.#settle(message);
    const params = Array.isArray(message['params']) ? (message['params'] as unknown[]) : [];
    if (id === null || id === undefined) this.#options.onNotification?.(method, params);
    else if (method === 'echo') this.#send({ id, result: params, error: null });
    else void this.#answer(id, method, params);
  }

  async #answer(id: unknown, method: string, params: readonly unknown[]): Promise<void> {
    try {
      if (!this.#options.onRequest) throw new RpcFailure('unknown method', { details: method });
      const outcome = this.#options.onRequest(method, params, id);
      // A result that is there already goes out in this turn: what was sent before it and after it stays so.
      const result = outcome instanceof Promise ? await outcome : outcome;
      this.#send({ id, result, error: null });
    } catch (error) {
      const failure =
        error instanceof OvsdbError ? error : new RpcFailure('internal error', { cause: error });
      this.#send({
        id,
        result: null,
        error: { error: failure.code, details: failure.details ?? failure.message },
      });
    }
  }

  #settle(message: Record<string, unknown>): void {
    const pending = this.#pending.get(message['id'] as number);
    // An answer that nobody waits for: to a probe, or after its deadline.
    if (!pending) return;
    const error = message['error'];
    pending.settle(error === null || error === undefined ? undefined : failureOf(error), message['result']);
  }
}

function failureOf(error: unknown): RpcFailure {
  if (typeof error === 'string') return new RpcFailure(error);
  const { error: code, details } = error as { error?: unknown; details?: unknown };
  return new RpcFailure(typeof code === 'string' ? code : 'protocol error', {
    details: typeof details === 'string' ? details : JSON.stringify(error),
  });
}

function lost(cause?: unknown): OvsdbError {
  return new OvsdbError('connection lost', { outcome: 'unknown', ...(cause === undefined ? {} : { cause }) });
}
