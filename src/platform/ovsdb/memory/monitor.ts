// What one session of the memory server watches: the first snapshot and the updates after it, in the notation of the
// monitor method that was asked for. Used by memory-server.ts.
import { randomUUID } from 'node:crypto';
import { ZERO_UUID } from '../codec.ts';
import { OvsdbError } from '../errors.ts';
import type { TableModel, Tables } from '../model.ts';
import { diffDatum, defaultDatum, sameDatum, writeDatum } from './datum.ts';
import type { Store, StoredChange, StoredRow } from './store.ts';

export type MonitorMethod = 'monitor' | 'monitor_cond' | 'monitor_cond_since';

type Wire = Record<string, unknown>;

export class Monitor {
  readonly id: unknown;
  readonly #method: MonitorMethod;
  readonly #model: Tables;
  readonly #columns = new Map<string, readonly string[]>();

  /** Throws 'unknown table' or 'unknown column'. */
  constructor(
    method: MonitorMethod,
    id: unknown,
    requests: Readonly<Record<string, unknown>>,
    model: Tables,
  ) {
    this.#method = method;
    this.id = id;
    this.#model = model;
    for (const [table, request] of Object.entries(requests)) this.#watch(table, request);
  }

  /** The reply to the monitor request. */
  snapshot(store: Store): unknown {
    const updates: Record<string, Wire> = {};
    for (const [table, columns] of this.#columns) {
      const rows = [...store.rows(table).values()].map((row) => {
        const content =
          this.#method === 'monitor' ? this.#whole(table, columns, row) : this.#sparse(table, columns, row);
        return [row.uuid, { [this.#method === 'monitor' ? 'new' : 'initial']: content }];
      });
      if (rows.length > 0) updates[table] = Object.fromEntries(rows) as Wire;
    }
    return this.#method === 'monitor_cond_since' ? [false, ZERO_UUID, updates] : updates;
  }

  /** The notification of a commit, unless it changed nothing that is watched. */
  notification(changes: readonly StoredChange[]): { method: string; params: unknown[] } | undefined {
    const updates: Record<string, Wire> = {};
    for (const change of changes) {
      const columns = this.#columns.get(change.table);
      const update = columns && this.#update(columns, change);
      if (update) (updates[change.table] ??= {})[change.uuid] = update;
    }
    if (Object.keys(updates).length === 0) return undefined;
    switch (this.#method) {
      case 'monitor':
        return { method: 'update', params: [this.id, updates] };
      case 'monitor_cond':
        return { method: 'update2', params: [this.id, updates] };
      case 'monitor_cond_since':
        return { method: 'update3', params: [this.id, randomUUID(), updates] };
    }
  }

  #watch(table: string, request: unknown): void {
    if (!Object.hasOwn(this.#model, table)) throw new OvsdbError('unknown table', { details: table });
    const parts = (Array.isArray(request) ? request : [request]) as { columns?: string[] }[];
    const known = Object.keys(this.#model[table]!.columns); // hasOwn above
    const columns = [...new Set(parts.flatMap((part) => part.columns ?? known))];
    const unknown = columns.find((column) => !known.includes(column));
    if (unknown !== undefined) throw new OvsdbError('unknown column', { details: `${table}.${unknown}` });
    this.#columns.set(table, columns);
  }

  #update(columns: readonly string[], { table, old, new: row }: StoredChange): Wire | undefined {
    const whole = this.#method === 'monitor';
    if (!old)
      return row
        ? whole
          ? { new: this.#whole(table, columns, row) }
          : { insert: this.#sparse(table, columns, row) }
        : undefined;
    if (!row) return whole ? { old: this.#whole(table, columns, old) } : { delete: null };
    const changed = columns.filter((column) => !sameDatum(old.columns[column]!, row.columns[column]!));
    if (changed.length === 0) return undefined;
    if (whole) return { old: this.#whole(table, changed, old), new: this.#whole(table, columns, row) };
    const model = this.#table(table);
    const pairs = changed.map((column): [string, unknown] => {
      const type = model.columns[column]!; // checked when the monitor was made
      return [column, writeDatum(type, diffDatum(type, old.columns[column]!, row.columns[column]!))];
    });
    return { modify: Object.fromEntries(pairs) };
  }

  #whole(table: string, columns: readonly string[], row: StoredRow): Wire {
    const model = this.#table(table);
    return Object.fromEntries(
      columns.map((column) => [column, writeDatum(model.columns[column]!, row.columns[column]!)]),
    );
  }

  /** Without the columns that hold their default, as the real server sends it. */
  #sparse(table: string, columns: readonly string[], row: StoredRow): Wire {
    const model = this.#table(table);
    const telling = columns.filter(
      (column) => !sameDatum(row.columns[column]!, defaultDatum(model.columns[column]!)),
    );
    return this.#whole(table, telling, row);
  }

  #table(table: string): TableModel {
    return this.#model[table]!; // checked when the monitor was made
  }
}
