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
  readonly #weakSources = new Map<string, Map<string, string>>();
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
    return [...(this.#weakSources.get(target) ?? [])].map(([uuid, table]) => ({ table, uuid }));
  }

  /** The row that holds this key of the index, if any. */
  holderOf(table: string, index: number, key: string): string | undefined {
    return this.#indexes.get(table)?.[index]?.get(key);
  }

  /** Takes over a draft that integrity.ts has found sound, and says what really changed. */
  apply(draft: Draft): StoredChange[] {
    const changes = [...draft.changes()].filter((change) => isChange(change));
    for (const { table, uuid, old } of changes) {
      if (!old) continue;
      this.#forget(table, old);
      this.tables.get(table)?.delete(uuid);
    }
    for (const { table, uuid, new: row } of changes) {
      if (!row) continue;
      this.tables.get(table)?.set(uuid, row);
      this.#remember(table, row);
    }
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

  #remember(table: string, row: StoredRow): void {
    for (const { key, strong } of referencesOf(this.model[table]!, row)) {
      if (strong) this.strongCounts.set(key, (this.strongCounts.get(key) ?? 0) + 1);
      else {
        const sources = this.#weakSources.get(key);
        if (sources) sources.set(row.uuid, table);
        else this.#weakSources.set(key, new Map([[row.uuid, table]]));
      }
    }
    this.#indexes
      .get(table)
      ?.forEach((index, i) => index.set(indexKey(this.model[table]!, i, row), row.uuid));
  }

  #forget(table: string, row: StoredRow): void {
    for (const { key, strong } of referencesOf(this.model[table]!, row)) {
      if (strong) {
        const count = (this.strongCounts.get(key) ?? 0) - 1;
        if (count > 0) this.strongCounts.set(key, count);
        else this.strongCounts.delete(key);
      } else {
        const sources = this.#weakSources.get(key);
        sources?.delete(row.uuid);
        if (sources?.size === 0) this.#weakSources.delete(key);
      }
    }
    this.#indexes.get(table)?.forEach((index, i) => index.delete(indexKey(this.model[table]!, i, row)));
  }
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

/** Every reference that a row holds, by the key of its target. */
export function* referencesOf(
  model: TableModel,
  row: StoredRow,
): Generator<Reference & { key: string; strong: boolean }> {
  for (const [name, column] of Object.entries(model.columns)) {
    if (!isReference(column)) continue;
    for (const pair of row.columns[name] ?? []) {
      for (const { atom, uuid } of uuidsOf(column, pair)) {
        const table = atom.refTable!; // uuidsOf only yields references
        yield { key: rowKey(table, uuid), table, uuid, strong: atom.refType !== 'weak' };
      }
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
