// The OVSDB client: a typed, complete cache of one database that outlives connections, and transactions as values.
// Start here: connectOvsdb.
import { setTimeout as sleep } from 'node:timers/promises';
import { remotesOf, type Endpoint } from './endpoint.ts';
import { OvsdbError, OvsdbTimeoutError } from './errors.ts';
import type {
  Change,
  ColumnName,
  IndexColumn,
  IndexValue,
  Row,
  TableModel,
  TableName,
  Tables,
} from './model.ts';
import type { Scalar } from './codec.ts';
import { Session } from './session.ts';
import type { Snapshot } from './snapshot.ts';
import type { RowChange } from './table-cache.ts';
import {
  type AnyOperation,
  type CommitOptions,
  type CommitResult,
  encodeOperations,
  readResults,
  Transaction,
} from './transaction.ts';
import { untilTrue, type WaitOptions } from './wait.ts';

export interface OvsdbLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ConnectOptions<M extends Tables> {
  /** unix:/path, tcp:host:port, a comma-separated list of these (tried in turn), or an object that makes the stream. */
  endpoint: Endpoint;
  database: string;
  tables: M;
  /** Closes the client. */
  signal?: AbortSignal;
  log?: OvsdbLog;
  /** Of `ready`; the client goes on trying after it. Default 30 s. */
  readyDeadlineMs?: number;
  /** Of dialling and of the snapshot, each. Default 10 s. */
  connectDeadlineMs?: number;
  /** Default deadline of a transaction, 10 s. */
  deadlineMs?: number;
  /** Silence after which the server is probed; twice as much gives the connection up. 0 is never. Default 10 s. */
  probeIntervalMs?: number;
  /** Pause before a reconnect, doubling from min to max. Default 50 ms to 2 s. */
  backoffMs?: { min: number; max: number };
}

/** Reads of one table, all synchronous and from the cache. Rows are frozen. */
export interface TableView<T extends TableModel> {
  readonly size: number;
  get(uuid: string): Row<T> | undefined;
  find(predicate: (row: Row<T>) => boolean): Row<T> | undefined;
  list(predicate?: (row: Row<T>) => boolean): Row<T>[];
  /** By a column that the model declares in `indexes` or `lookups`; a set is found by each of its elements. */
  where<C extends IndexColumn<T>>(column: C, value: IndexValue<T, C & ColumnName<T>>): Row<T>[];
}

/** What a predicate of waitUntil sees. */
export interface DatabaseView<M extends Tables> {
  table<T extends TableName<M>>(name: T): TableView<M[T]>;
}

export function connectOvsdb<M extends Tables>(options: ConnectOptions<M>): OvsdbClient<M> {
  return new OvsdbClient(options);
}

export class OvsdbClient<M extends Tables> implements DatabaseView<M>, AsyncDisposable {
  /** Resolves with the first complete snapshot; rejects with OvsdbTimeoutError at its deadline, or 'closed'. */
  readonly ready: Promise<void>;
  readonly #options: ConnectOptions<M>;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(change: Change<M>) => void>();
  readonly #nudges = new Set<() => void>();
  readonly #running: Promise<void>;
  #snapshot: Snapshot | undefined;
  #session: Session | undefined;
  #lastFailure: unknown;
  #generation = 0;

  constructor(options: ConnectOptions<M>) {
    this.#options = options;
    const remotes = remotesOf(options.endpoint);
    const onAbort = (): void => void this[Symbol.asyncDispose]();
    if (options.signal?.aborted) this.#closing.abort();
    options.signal?.addEventListener('abort', onAbort, { once: true, signal: this.#closing.signal });
    this.#running = this.#run(remotes);
    const deadlineMs = options.readyDeadlineMs ?? 30_000;
    this.ready = this.#connected(deadlineMs, 'first snapshot').then(() => undefined);
    // Whoever awaits `ready` still sees the rejection; whoever does not must not crash the process.
    this.ready.catch(() => undefined);
  }

  /** Whether the cache follows the server at this moment. */
  get connected(): boolean {
    return this.#session?.peer.isOpen === true;
  }

  /** How many complete snapshots were taken: grows with each reconnect, however short the break was. */
  get generation(): number {
    return this.#generation;
  }

  /** The view outlives reconnects. Its reads throw 'not ready' before the first snapshot. */
  table<T extends TableName<M>>(name: T): TableView<M[T]> {
    const cache = () => {
      if (!this.#snapshot) throw new OvsdbError('not ready', { details: 'no snapshot yet', table: name });
      return this.#snapshot.table(name);
    };
    // The cache holds rows decoded by this very model, so that they are of its row type.
    const rows = () => cache().rows as unknown as ReadonlyMap<string, Row<M[T]>>;
    return {
      get size() {
        return rows().size;
      },
      get: (uuid) => rows().get(uuid),
      find: (predicate) => rows().values().find(predicate),
      list: (predicate) =>
        predicate ? rows().values().filter(predicate).toArray() : rows().values().toArray(),
      where: (column, value) => cache().where(column, value as Scalar) as unknown as Row<M[T]>[],
    };
  }

  transaction(): Transaction<M> {
    return new Transaction<M>((operations, options) => this.#commit(operations, options));
  }

  /** Commits operations at hand; `transaction()` builds them with their types checked. */
  transact(operations: readonly AnyOperation[], options: CommitOptions = {}): Promise<CommitResult> {
    return this.#commit(operations, options);
  }

  /**
   * A nudge for every changed row, after the whole update was applied; after a reconnect, for every difference to the
   * state before. Not a log: changes that cancelled each other out may never be told. Returns the unsubscribe.
   */
  onChange(listener: (change: Change<M>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Waits until the predicate holds on a current snapshot, and resolves with what it returned. It is evaluated at once,
   * after every change, and on a tick; never while disconnected, when the cache may be out of date. Rejects with
   * OvsdbTimeoutError, with the signal's reason, or with what the predicate throws.
   */
  waitUntil<T>(
    predicate: (database: DatabaseView<M>) => T,
    options: WaitOptions,
  ): Promise<Exclude<T, undefined | null | false>> {
    return untilTrue(
      {
        evaluate: () => (this.connected ? predicate(this) : undefined),
        subscribe: (nudge) => {
          this.#nudges.add(nudge);
          return () => void this.#nudges.delete(nudge);
        },
        closed: this.#closing.signal,
        state: () =>
          this.connected ? 'connected' : `not connected: ${String(this.#lastFailure ?? 'connecting')}`,
      },
      options,
    );
  }

  /** Closes the connection. Whatever is pending rejects with 'closed'. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(remotes: ReturnType<typeof remotesOf>): Promise<void> {
    const { min, max } = this.#options.backoffMs ?? { min: 50, max: 2_000 };
    let pause = min;
    for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
      const remote = remotes[attempt % remotes.length]!; // remotesOf never returns an empty list
      try {
        const session = await this.#open(remote);
        pause = min;
        this.#lastFailure = await session.peer.closed;
      } catch (error) {
        this.#lastFailure = error;
      }
      this.#session = undefined;
      if (this.#closing.signal.aborted) break;
      this.#options.log?.warn(
        { err: this.#lastFailure, remote: remote.name, pause },
        'ovsdb connection failed',
      );
      await sleep(pause * (0.75 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(
        () => undefined,
      );
      pause = Math.min(pause * 2, max);
    }
  }

  #open(remote: ReturnType<typeof remotesOf>[number]): Promise<Session> {
    const { database, tables, connectDeadlineMs = 10_000, probeIntervalMs = 10_000, log } = this.#options;
    return Session.open({
      remote,
      database,
      model: tables,
      deadlineMs: connectDeadlineMs,
      probeIntervalMs,
      signal: this.#closing.signal,
      onSnapshot: (snapshot, session) => this.#swap(snapshot, session),
      onChanges: (changes) => this.#tell(changes),
      onMissing: (names) => log?.warn({ database, names }, 'ovsdb schema lacks parts of the model'),
    });
  }

  #swap(snapshot: Snapshot, session: Session): void {
    const older = this.#snapshot;
    this.#snapshot = snapshot;
    this.#session = session;
    this.#generation += 1;
    this.#options.log?.info({ database: this.#options.database }, 'ovsdb snapshot complete');
    this.#tell(older ? snapshot.changesSince(older) : []);
  }

  #tell(changes: readonly RowChange[]): void {
    for (const listener of this.#listeners) {
      for (const change of changes) {
        try {
          listener(change as unknown as Change<M>);
        } catch (err) {
          this.#options.log?.warn({ err, table: change.table }, 'ovsdb change listener failed');
        }
      }
    }
    for (const nudge of this.#nudges) nudge();
  }

  #connected(deadlineMs: number, describe: string, signal?: AbortSignal): Promise<Session> {
    // Without its own tick: connecting nudges.
    const options = { deadlineMs, tickMs: deadlineMs, describe, ...(signal ? { signal } : {}) };
    return this.waitUntil(() => this.#session, options);
  }

  async #commit(operations: readonly AnyOperation[], options: CommitOptions): Promise<CommitResult> {
    const { database, tables } = this.#options;
    const wire = encodeOperations(tables, operations);
    if (options.durable) wire.push({ op: 'commit', durable: true });
    const end = performance.now() + (options.deadlineMs ?? this.#options.deadlineMs ?? 10_000);
    const remaining = (): number => Math.max(1, end - performance.now());
    const session = this.connected
      ? this.#session!
      : await this.#connected(remaining(), 'connection for a transaction', options.signal);
    options.signal?.throwIfAborted();
    const result = await session.peer.request('transact', [database, ...wire], {
      deadlineMs: remaining(),
      accept: (reply) => readResults(operations, reply),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    if (options.observe !== false) await this.#observe(session, operations, result, remaining);
    return result;
  }

  /**
   * Read-your-writes. The server flushes a session's updates before it writes any reply to it, and they are applied in
   * order of arrival, so that normally nothing is left to do. If an inserted row is not there (gone at once for want of
   * a reference, or the rule was broken), an echo is a second point to wait for; after a lost connection it is the
   * next snapshot.
   */
  async #observe(
    session: Session,
    operations: readonly AnyOperation[],
    result: CommitResult,
    remaining: () => number,
  ): Promise<void> {
    const seen = operations.every((operation, index) => {
      const { uuid } = result.results[index] ?? {};
      return operation.op !== 'insert' || !uuid || this.#snapshot?.table(operation.table).rows.has(uuid);
    });
    if (seen && this.#session === session) return;
    try {
      await session.peer.request('echo', [], { deadlineMs: remaining() });
    } catch (error) {
      if (error instanceof OvsdbTimeoutError) throw error;
      await this.#connected(remaining(), 'snapshot that holds the transaction');
    }
  }
}
