// A working model of ovsdb-server in this process: transactions, integrity, monitors and locks, for tests and for
// simulated clouds. The same OvsdbClient connects to it through `endpoint`.
import { randomUUID } from 'node:crypto';
import { type Duplex, duplexPair } from 'node:stream';
import type { StreamEndpoint } from './endpoint.ts';
import { OvsdbError } from './errors.ts';
import { JsonRpcPeer, RpcFailure } from './json-rpc.ts';
import { Blocked, Execution, type WireOperation } from './memory/execute.ts';
import { finish } from './memory/integrity.ts';
import { Locks } from './memory/locks.ts';
import { Monitor, type MonitorMethod } from './memory/monitor.ts';
import { Draft, Store, type StoredChange } from './memory/store.ts';
import { schemaOf } from './model-check.ts';
import type { Tables } from './model.ts';

export interface MemoryOvsdbOptions {
  name: string;
  tables: Tables;
  /** Called before each transaction is executed: a promise delays it and those behind it, a throw fails it. */
  beforeTransact?: (operations: readonly WireOperation[]) => void | Promise<void>;
  /** Methods to answer as an older server would, with 'unknown method'. */
  unknownMethods?: readonly string[];
}

export function createMemoryOvsdb(options: MemoryOvsdbOptions): MemoryOvsdb {
  return new MemoryOvsdb(options);
}

interface Session {
  readonly id: string;
  readonly peer: JsonRpcPeer;
  readonly monitors: Map<string, Monitor>;
  /** Transactions of one session are executed in the order of arrival. */
  turn: Promise<unknown>;
}

interface Waiting {
  readonly session: Session;
  readonly id: unknown;
  readonly attempt: () => void;
  readonly cancel: (error: OvsdbError) => void;
}

export class MemoryOvsdb implements AsyncDisposable {
  /** For connectOvsdb. */
  readonly endpoint: StreamEndpoint;
  readonly #options: MemoryOvsdbOptions;
  readonly #store: Store;
  readonly #sessions = new Map<string, Session>();
  readonly #locks = new Locks((owner, method, lock) =>
    this.#sessions.get(owner)?.peer.notify(method, [lock]),
  );
  readonly #waiting = new Set<Waiting>();
  #up = true;

  constructor(options: MemoryOvsdbOptions) {
    this.#options = options;
    this.#store = new Store(options.tables);
    this.endpoint = { name: `memory:${options.name}`, connect: () => this.#accept() };
  }

  /** Drops all connections and takes no more, as a crash would. The committed rows stay. */
  async kill(): Promise<void> {
    this.#up = false;
    this.dropConnections();
    this.#store.resetEphemeral();
  }

  async start(): Promise<void> {
    this.#up = true;
  }

  /** What a network failure does. */
  dropConnections(): void {
    for (const { peer } of this.#sessions.values()) peer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Speaks to a client on a stream from elsewhere, such as a socket that it connected to. */
  serve(stream: Duplex): void {
    this.#attach(stream);
  }

  #accept(): Duplex {
    if (!this.#up) throw new OvsdbError('connection lost', { details: `${this.endpoint.name} is down` });
    const [near, far] = duplexPair();
    const peer = this.#attach(near);
    // The ends of a pair do not destroy each other.
    far.once('close', () => peer.close());
    void peer.closed.then(() => far.destroy());
    return far;
  }

  #attach(stream: Duplex): JsonRpcPeer {
    const session: Session = {
      id: randomUUID(),
      peer: new JsonRpcPeer(stream, {
        onRequest: (method, params, id) => this.#handle(session, method, params, id),
        onNotification: (method, params) => {
          if (method === 'cancel') this.#cancel(session, params[0]);
        },
      }),
      monitors: new Map(),
      turn: Promise.resolve(),
    };
    this.#sessions.set(session.id, session);
    void session.peer.closed.then(() => this.#leave(session));
    if (!this.#up) session.peer.close();
    return session.peer;
  }

  #leave(session: Session): void {
    this.#sessions.delete(session.id);
    this.#locks.releaseAll(session.id);
    for (const waiting of this.#waiting) {
      if (waiting.session === session) waiting.cancel(new OvsdbError('canceled'));
    }
  }

  #handle(session: Session, method: string, params: readonly unknown[], id: unknown): unknown {
    if (this.#options.unknownMethods?.includes(method))
      throw new RpcFailure('unknown method', { details: method });
    switch (method) {
      case 'list_dbs':
        return [this.#options.name];
      case 'get_schema':
        this.#checkDatabase(params[0]);
        return schemaOf(this.#options.name, '1.0.0', this.#options.tables);
      case 'monitor':
      case 'monitor_cond':
      case 'monitor_cond_since':
        return this.#monitor(session, method, params);
      case 'monitor_cancel':
        if (session.monitors.delete(JSON.stringify(params[0]))) return {};
        throw new RpcFailure('unknown monitor', { details: JSON.stringify(params[0]) });
      case 'transact':
        this.#checkDatabase(params[0]);
        return this.#transact(session, params.slice(1) as WireOperation[], id);
      case 'lock':
        return { locked: this.#locks.lock(session.id, String(params[0])) };
      case 'steal':
        return { locked: this.#locks.steal(session.id, String(params[0])) };
      case 'unlock':
        this.#locks.unlock(session.id, String(params[0]));
        return {};
      default:
        throw new RpcFailure('unknown method', { details: method });
    }
  }

  #checkDatabase(name: unknown): void {
    if (name !== this.#options.name) throw new RpcFailure('unknown database', { details: String(name) });
  }

  #monitor(session: Session, method: MonitorMethod, [database, id, requests]: readonly unknown[]): unknown {
    this.#checkDatabase(database);
    const key = JSON.stringify(id);
    if (session.monitors.has(key)) throw new RpcFailure('duplicate monitor ID', { details: key });
    const monitor = new Monitor(method, id, requests as Record<string, unknown>, this.#options.tables);
    session.monitors.set(key, monitor);
    return monitor.snapshot(this.#store);
  }

  #transact(session: Session, operations: readonly WireOperation[], id: unknown): unknown {
    const { beforeTransact } = this.#options;
    if (!beforeTransact) return this.#attempt(session, operations, id);
    const turn = session.turn.then(async () => {
      await beforeTransact(operations);
      // A connection that went while this was delayed: the server never got to it.
      if (!session.peer.isOpen) throw new OvsdbError('canceled');
    });
    const result = turn.then(() => this.#attempt(session, operations, id));
    session.turn = turn.catch(() => undefined);
    return result;
  }

  /** The reply, or a promise of it while a `wait` does not hold. */
  #attempt(session: Session, operations: readonly WireOperation[], id: unknown): unknown {
    const started = performance.now();
    try {
      return this.#execute(session, operations, started);
    } catch (error) {
      if (!(error instanceof Blocked)) throw error;
      return this.#block(session, operations, id, started, error.timeoutMs);
    }
  }

  #block(
    session: Session,
    operations: readonly WireOperation[],
    id: unknown,
    started: number,
    timeoutMs: number,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const end = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
    };
    const waiting: Waiting = {
      session,
      id,
      attempt: () => {
        try {
          const results = this.#execute(session, operations, started);
          end();
          resolve(results);
        } catch (error) {
          if (error instanceof Blocked) return;
          end();
          reject(error);
        }
      },
      cancel: (error) => {
        end();
        reject(error);
      },
    };
    // One millisecond more, so that the elapsed time is never rounded below the limit.
    const timer = Number.isFinite(timeoutMs) ? setTimeout(waiting.attempt, timeoutMs + 1) : undefined;
    this.#waiting.add(waiting);
    return promise;
  }

  #cancel(session: Session, id: unknown): void {
    for (const waiting of this.#waiting) {
      if (waiting.session === session && waiting.id === id) waiting.cancel(new OvsdbError('canceled'));
    }
  }

  #execute(session: Session, operations: readonly WireOperation[], started: number): unknown[] {
    const draft = new Draft(this.#store);
    const execution = new Execution(draft, {
      elapsedMs: performance.now() - started,
      ownsLock: (lock) => this.#locks.owns(session.id, lock),
    });
    const results: unknown[] = [];
    for (const operation of operations) {
      try {
        results.push(execution.execute(operation));
      } catch (error) {
        results.push(wireError(error));
        return [...results, ...Array.from({ length: operations.length - results.length }, () => null)];
      }
    }
    try {
      finish(draft);
    } catch (error) {
      return [...results, wireError(error)];
    }
    this.#publish(this.#store.apply(draft));
    return results;
  }

  /** Updates go out before the reply to the transaction that caused them, as the real server has it. */
  #publish(changes: readonly StoredChange[]): void {
    if (changes.length === 0) return;
    for (const { peer, monitors } of this.#sessions.values()) {
      for (const monitor of monitors.values()) {
        const notification = monitor.notification(changes);
        if (notification) peer.notify(notification.method, notification.params);
      }
    }
    // In a turn of their own: what they commit must come after the reply to this one.
    if (this.#waiting.size > 0) setImmediate(() => [...this.#waiting].forEach(({ attempt }) => attempt()));
  }
}

/** Rethrows what is no refusal. */
function wireError(error: unknown): object {
  if (!(error instanceof OvsdbError)) throw error;
  return { error: error.code, details: error.details ?? '' };
}
