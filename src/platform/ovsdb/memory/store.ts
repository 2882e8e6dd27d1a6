// The rows of the memory server and a draft of changes to them. A draft is checked and finished by integrity.ts, then
// applied here as a whole. Used by memory-server.ts and the files of this folder.
import { randomUUID } from 'node:crypto';
import type { Scalar } from '../codec.ts';
import type { AnyColumn, TableModel, Tables } from '../model.ts';
import { type Datum, defaultDatum, sameDatum } from './datum.ts';

export interface StoredRow {
  readonly uuid: string;
  /** Another one after every change. */
  readonly version: string;
  readonly columns: Readonly<Record<string, Datum>>;
}

export interface StoredChange {
  readonly table: string;
  readonly uuid: string;
  readonly old: StoredRow | null;
  readonly new: StoredRow | null;
}

interface Reference {
  readonly table: string;
  readonly uuid: string;
}

export class Store {
  readonly model: Tables;
  readonly tables = new Map<string, Map<string, StoredRow>>();
  /** How many strong references point to a row; absent for none. */
  readonly strongCounts = new Map<string, number>();
  /** By target: the rows that refer to it weakly, and how often each does. */
  readonly #weakSources = new Map<string, Map<string, number>>();
  readonly #indexes = new Map<string, Map<string, string>[]>();

  constructor(model: Tables) {
    this.model = model;
    for (const [name, { indexes = [] }] of Object.entries(model)) {
      this.tables.set(name, new Map());
      this.#indexes.set(
        name,
        indexes.map(() => new Map()),
      );
    }
  }

  rows(table: string): ReadonlyMap<string, StoredRow> {
    return this.tables.get(table) ?? new Map();
  }

  /** The rows that hold a weak reference to a row. */
  weakSources(target: string): Reference[] {
    return [...(this.#weakSources.get(target)?.keys() ?? [])].map((key) => {
      const [table = '', uuid = ''] = key.split('/');
      return { table, uuid };
    });
  }

  /** The row that holds this key of the index, if any. */
  holderOf(table: string, index: number, key: string): string | undefined {
    return this.#indexes.get(table)?.[index]?.get(key);
  }

  /** Takes over a draft that integrity.ts has found sound, and says what really changed. */
  apply(draft: Draft): StoredChange[] {
    const changes = [...draft.changes()].filter((change) => isChange(change));
    for (const { table, uuid, old, new: row } of changes) {
      if (!old) continue;
      this.#index(table, old, false);
      if (!row) this.tables.get(table)?.delete(uuid);
    }
    for (const { table, uuid, new: row } of changes) {
      if (!row) continue;
      this.tables.get(table)?.set(uuid, row);
      this.#index(table, row, true);
    }
    for (const change of changes) this.#count(change);
    return changes;
  }

  /** What a restart does: ephemeral columns hold their defaults again. */
  resetEphemeral(): void {
    for (const [name, rows] of this.tables) {
      const columns = Object.entries(this.model[name]?.columns ?? {}).filter(
        ([, column]) => column.ephemeral,
      );
      if (columns.length === 0) continue;
      const defaults = Object.fromEntries(columns.map(([column, model]) => [column, defaultDatum(model)]));
      for (const [uuid, row] of rows) rows.set(uuid, { ...row, columns: { ...row.columns, ...defaults } });
    }
  }

  #count({ table, uuid, old, new: row }: StoredChange): void {
    for (const { key, strong, delta } of referenceChanges(this.model[table]!, old, row)) {
      if (strong) add(this.strongCounts, key, delta);
      else {
        const sources = this.#weakSources.get(key) ?? new Map<string, number>();
        this.#weakSources.set(key, sources);
        add(sources, rowKey(table, uuid), delta);
        if (sources.size === 0) this.#weakSources.delete(key);
      }
    }
  }

  #index(table: string, row: StoredRow, present: boolean): void {
    this.#indexes.get(table)?.forEach((index, i) => {
      const key = indexKey(this.model[table]!, i, row);
      if (present) index.set(key, row.uuid);
      else index.delete(key);
    });
  }
}

/** Counts that reach nothing are not kept. */
function add(counts: Map<string, number>, key: string, delta: number): void {
  const count = (counts.get(key) ?? 0) + delta;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

/** Changes on top of a store, not visible to anyone else. */
export class Draft {
  readonly store: Store;
  readonly #overlay = new Map<string, Map<string, StoredRow | null>>();

  constructor(store: Store) {
    this.store = store;
  }

  get(table: string, uuid: string): StoredRow | undefined {
    const changed = this.#overlay.get(table)?.get(uuid);
    return changed === undefined ? this.store.rows(table).get(uuid) : (changed ?? undefined);
  }

  *rows(table: string): Generator<StoredRow> {
    const overlay = this.#overlay.get(table);
    for (const [uuid, row] of this.store.rows(table)) if (!overlay?.has(uuid)) yield row;
    for (const row of overlay?.values() ?? []) if (row) yield row;
  }

  put(table: string, uuid: string, columns: Readonly<Record<string, Datum>>): void {
    this.#set(table, uuid, { uuid, version: randomUUID(), columns });
  }

  remove(table: string, uuid: string): void {
    this.#set(table, uuid, null);
  }

  *changes(): Generator<StoredChange> {
    for (const [table, rows] of this.#overlay) {
      for (const [uuid, row] of rows) {
        const old = this.store.rows(table).get(uuid) ?? null;
        if (old || row) yield { table, uuid, old, new: row };
      }
    }
  }

  #set(table: string, uuid: string, row: StoredRow | null): void {
    const overlay = this.#overlay.get(table);
    if (overlay) overlay.set(uuid, row);
    else this.#overlay.set(table, new Map([[uuid, row]]));
  }
}

/** Identity of a row across tables. */
export function rowKey(table: string, uuid: string): string {
  return `${table}/${uuid}`;
}

export interface ReferenceChange extends Reference {
  readonly key: string;
  readonly strong: boolean;
  readonly delta: 1 | -1;
}

/** The references that a change adds and removes, and not those that stay: a switch may refer to thousands of ports. */
export function* referenceChanges(
  model: TableModel,
  old: StoredRow | null,
  row: StoredRow | null,
): Generator<ReferenceChange> {
  for (const [name, column] of Object.entries(model.columns)) {
    if (!isReference(column)) continue;
    const before = old?.columns[name] ?? NOTHING;
    const after = row?.columns[name] ?? NOTHING;
    if (before === after) continue;
    yield* without(column, before, after, -1);
    yield* without(column, after, before, 1);
  }
}

const NOTHING: Datum = new Map();

/** The references in `datum` that are not in `other`. */
function* without(column: AnyColumn, datum: Datum, other: Datum, delta: 1 | -1): Generator<ReferenceChange> {
  for (const pair of datum) {
    if (other.get(pair[0]) === pair[1]) continue;
    for (const { atom, uuid } of uuidsOf(column, pair)) {
      const table = atom.refTable!; // uuidsOf only yields references
      yield { key: rowKey(table, uuid), table, uuid, strong: atom.refType !== 'weak', delta };
    }
  }
}

export function isReference(column: AnyColumn): boolean {
  return column.key.refTable !== undefined || column.value?.refTable !== undefined;
}

/** The references in one element of a column. */
export function uuidsOf(
  column: AnyColumn,
  [key, value]: readonly [Scalar, Scalar],
): { atom: AnyColumn['key']; uuid: string }[] {
  return [
    ...(column.key.refTable === undefined ? [] : [{ atom: column.key, uuid: key as string }]),
    ...(column.value?.refTable === undefined ? [] : [{ atom: column.value, uuid: value as string }]),
  ];
}

/** What must be unique: the values of the index's columns, in an order of their own. */
export function indexKey(model: TableModel, index: number, row: StoredRow): string {
  const columns = model.indexes?.[index] ?? [];
  return JSON.stringify(columns.map((column) => [...(row.columns[column] ?? [])].sort()));
}

function isChange({ old, new: row }: StoredChange): boolean {
  if (!old || !row) return true;
  return Object.keys(row.columns).some((column) => !sameDatum(old.columns[column]!, row.columns[column]!));
}
