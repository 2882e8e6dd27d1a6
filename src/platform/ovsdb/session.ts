// One connection to one database, from dialling to its end: checks the schema, takes the first snapshot and applies
// updates. client.ts opens one after the other.
import { dial, type StreamEndpoint } from './endpoint.ts';
import { OvsdbError } from './errors.ts';
import { ZERO_UUID } from './codec.ts';
import { JsonRpcPeer, RpcFailure } from './json-rpc.ts';
import { isComposite, type AnyColumn, type Tables } from './model.ts';
import { Snapshot, type TableUpdates, type UpdateFormat } from './snapshot.ts';
import type { RowChange } from './table-cache.ts';

export interface SessionOptions {
  readonly remote: StreamEndpoint;
  readonly database: string;
  readonly model: Tables;
  readonly deadlineMs: number;
  readonly probeIntervalMs: number;
  readonly signal: AbortSignal;
  /** Called at once when the first snapshot is complete, before any update to it. */
  readonly onSnapshot: (snapshot: Snapshot, session: Session) => void;
  readonly onChanges: (changes: readonly RowChange[]) => void;
  /** Tables and columns of the model that this server lacks: rows hold their defaults. */
  readonly onMissing: (names: readonly string[]) => void;
}

const MONITOR_ID = 'pileus';

export class Session {
  readonly peer: JsonRpcPeer;
  readonly #options: SessionOptions;
  #snapshot: Snapshot | undefined;

  private constructor(options: SessionOptions, connect: (session: Session) => JsonRpcPeer) {
    this.#options = options;
    this.peer = connect(this);
  }

  /** Resolves once the snapshot is complete. Rejects with any OvsdbError; the connection is closed then. */
  static async open(options: SessionOptions): Promise<Session> {
    const stream = await dial(options.remote, options.deadlineMs, options.signal);
    const session = new Session(
      options,
      (self) =>
        new JsonRpcPeer(stream, {
          probeIntervalMs: options.probeIntervalMs,
          onNotification: (method, params) => self.#update(method, params),
        }),
    );
    const onAbort = (): void => session.peer.close();
    options.signal.addEventListener('abort', onAbort);
    void session.peer.closed.then(() => options.signal.removeEventListener('abort', onAbort));
    try {
      if (options.signal.aborted) throw new OvsdbError('closed');
      await session.#monitor(await session.#presentColumns());
      return session;
    } catch (error) {
      session.peer.close(error instanceof Error ? error : new OvsdbError('protocol error', { cause: error }));
      throw error;
    }
  }

  async #presentColumns(): Promise<Record<string, string[]>> {
    const { database, model, deadlineMs, onMissing } = this.#options;
    const schema = (await this.peer.request('get_schema', [database], { deadlineMs })) as {
      tables: Record<string, { columns: Record<string, { type: unknown }> } | undefined>;
    };
    const missing: string[] = [];
    const present: Record<string, string[]> = {};
    for (const [table, { columns }] of Object.entries(model)) {
      const known = schema.tables[table]?.columns;
      if (!known) {
        missing.push(table);
        continue;
      }
      present[table] = Object.keys(columns).filter((name) => {
        const remote = known[name];
        if (!remote) missing.push(`${table}.${name}`);
        else checkShape(`${table}.${name}`, columns[name]!, remote.type); // name is a key of columns
        return remote !== undefined;
      });
    }
    if (missing.length > 0) onMissing(missing);
    return present;
  }

  /** The newest monitor method that the server knows; older servers know fewer. */
  async #monitor(present: Record<string, string[]>): Promise<void> {
    const { database } = this.#options;
    const requests = Object.fromEntries(
      Object.entries(present).map(([table, columns]) => [table, [{ columns }]]),
    );
    const base = [database, MONITOR_ID, requests];
    try {
      // No transaction id to resume from: after a reconnect the whole state is taken, so nothing can have been missed.
      return await this.#take(
        'monitor_cond_since',
        [...base, ZERO_UUID],
        2,
        (result) => (result as unknown[])[2],
      );
    } catch (error) {
      if (!isUnknownMethod(error)) throw error;
    }
    try {
      return await this.#take('monitor_cond', base, 2, (result) => result);
    } catch (error) {
      if (!isUnknownMethod(error)) throw error;
    }
    await this.#take('monitor', base, 1, (result) => result);
  }

  #take(
    method: string,
    params: readonly unknown[],
    format: UpdateFormat,
    rowsOf: (result: unknown) => unknown,
  ): Promise<void> {
    return this.peer.request(method, params, {
      deadlineMs: this.#options.deadlineMs,
      accept: (result) => {
        this.#snapshot = new Snapshot(this.#options.model, rowsOf(result) as TableUpdates, format);
        this.#options.onSnapshot(this.#snapshot, this);
      },
    });
  }

  #update(method: string, params: readonly unknown[]): void {
    if (params[0] !== MONITOR_ID || !this.#snapshot) return;
    const changes = method.startsWith('update')
      ? this.#snapshot.apply(
          (method === 'update3' ? params[2] : params[1]) as TableUpdates,
          method === 'update' ? 1 : 2,
        )
      : [];
    if (changes.length > 0) this.#options.onChanges(changes);
    if (method === 'monitor_canceled') {
      this.peer.close(new OvsdbError('connection lost', { details: 'the server dropped the database' }));
    }
  }
}

function isUnknownMethod(error: unknown): boolean {
  return error instanceof RpcFailure && error.code === 'unknown method';
}

/** Differences of sets and of single values are written differently, so that a wrong guess would corrupt the cache. */
function checkShape(name: string, column: AnyColumn, type: unknown): void {
  const { key, value, max = 1 } = typeof type === 'string' ? { key: type } : (type as RemoteType);
  const keyType = typeof key === 'string' ? key : key.type;
  if (keyType !== column.key.type || (value !== undefined) !== (column.value !== undefined)) {
    throw new OvsdbError('schema mismatch', { details: `${name} is of another type on the server` });
  }
  if ((max === 'unlimited' || max > 1) !== isComposite(column)) {
    throw new OvsdbError('schema mismatch', {
      details: `${name} is ${isComposite(column) ? 'not ' : ''}a set there`,
    });
  }
}

interface RemoteType {
  key: string | { type: string };
  value?: unknown;
  max?: number | 'unlimited';
}
