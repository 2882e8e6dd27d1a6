// One table of the cache: rows by uuid and by the looked-up columns. Used by snapshot.ts only.
import { applyDiff, decode, defaultOf, sameValue, type Scalar, type Value } from './codec.ts';
import { OvsdbError } from './errors.ts';
import { indexColumnsOf, type TableModel } from './model.ts';

/** A row as the cache keeps it; client.ts gives it its type. */
export type CachedRow = Readonly<Record<string, Value>> & { readonly _uuid: string };
export type WireRow = Readonly<Record<string, unknown>>;

export interface RowChange {
  readonly table: string;
  readonly kind: 'insert' | 'modify' | 'delete';
  readonly uuid: string;
  readonly old: CachedRow | null;
  readonly new: CachedRow | null;
}

export class TableCache {
  readonly name: string;
  readonly rows = new Map<string, CachedRow>();
  readonly #model: TableModel;
  readonly #defaults: Record<string, Value>;
  readonly #lookups = new Map<string, Map<Scalar, Set<string>>>();

  constructor(name: string, model: TableModel) {
    this.name = name;
    this.#model = model;
    this.#defaults = Object.fromEntries(
      Object.entries(model.columns).map(([name, c]) => [name, defaultOf(c)]),
    );
    for (const column of indexColumnsOf(model)) this.#lookups.set(column, new Map());
  }

  where(column: string, value: Scalar): CachedRow[] {
    const lookup = this.#lookups.get(column);
    if (!lookup)
      throw new OvsdbError('invalid value', { table: this.name, details: `no lookup on column ${column}` });
    return [...(lookup.get(value) ?? [])].map((uuid) => this.rows.get(uuid)!); // lookups and rows change together
  }

  /** A whole row; columns that are left out hold their default. */
  replace(uuid: string, wire: WireRow): RowChange | undefined {
    const row: Record<string, Value> = { ...this.#defaults };
    for (const [name, value] of Object.entries(wire)) {
      const column = this.#model.columns[name];
      if (column) row[name] = decode(column, value);
    }
    return this.#put(uuid, row);
  }

  /** The difference to the row before. */
  modify(uuid: string, wire: WireRow): RowChange | undefined {
    const old = this.rows.get(uuid);
    if (!old)
      throw new OvsdbError('protocol error', { table: this.name, details: 'update of a row never seen' });
    const row: Record<string, Value> = { ...old };
    for (const [name, value] of Object.entries(wire)) {
      const column = this.#model.columns[name];
      if (column) row[name] = applyDiff(column, old[name] ?? null, value);
    }
    return this.#put(uuid, row);
  }

  remove(uuid: string): RowChange | undefined {
    const old = this.rows.get(uuid);
    if (!old) return undefined;
    this.#index(uuid, old, null);
    this.rows.delete(uuid);
    return { table: this.name, kind: 'delete', uuid, old, new: null };
  }

  /** What happened between an older cache of the same table and this one. */
  changesSince(older: TableCache): RowChange[] {
    const changes: RowChange[] = [];
    for (const [uuid, old] of older.rows) {
      if (!this.rows.has(uuid)) changes.push({ table: this.name, kind: 'delete', uuid, old, new: null });
    }
    for (const [uuid, row] of this.rows) {
      const old = older.rows.get(uuid);
      if (!old) changes.push({ table: this.name, kind: 'insert', uuid, old: null, new: row });
      else if (!sameRow(old, row)) changes.push({ table: this.name, kind: 'modify', uuid, old, new: row });
    }
    return changes;
  }

  #put(uuid: string, columns: Record<string, Value>): RowChange | undefined {
    const old = this.rows.get(uuid) ?? null;
    const row = Object.freeze({ ...columns, _uuid: uuid }) as CachedRow;
    if (old && sameRow(old, row)) return undefined;
    this.rows.set(uuid, row);
    this.#index(uuid, old, row);
    return { table: this.name, kind: old ? 'modify' : 'insert', uuid, old, new: row };
  }

  /** Touches only the keys that came or went: a set may have thousands of elements, of which one changed. */
  #index(uuid: string, old: CachedRow | null, row: CachedRow | null): void {
    for (const [column, lookup] of this.#lookups) {
      if (old && row && old[column] === row[column]) continue;
      const before = new Set(keysOf(old?.[column]));
      for (const key of keysOf(row?.[column])) {
        if (before.delete(key)) continue;
        const found = lookup.get(key);
        if (found) found.add(uuid);
        else lookup.set(key, new Set([uuid]));
      }
      for (const key of before) {
        const found = lookup.get(key);
        found?.delete(uuid);
        if (found?.size === 0) lookup.delete(key);
      }
    }
  }
}

function keysOf(value: Value | undefined): readonly Scalar[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [value];
  return Array.isArray(value) ? (value as readonly Scalar[]) : [];
}

function sameRow(a: CachedRow, b: CachedRow): boolean {
  return Object.keys(a).every((column) => sameValue(a[column] ?? null, b[column] ?? null));
}
