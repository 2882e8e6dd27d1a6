// The cache of one database: complete from its first moment, then kept by updates. Built by session.ts; client.ts
// swaps a new one in after a reconnect.
import { OvsdbError } from './errors.ts';
import type { Tables } from './model.ts';
import { type RowChange, TableCache, type WireRow } from './table-cache.ts';

/** Which of the three monitor methods the server speaks; 1 sends whole rows, 2 and 3 differences. */
export type UpdateFormat = 1 | 2;

type RowUpdate = Readonly<Record<string, WireRow | null | undefined>>;
export type TableUpdates = Readonly<Record<string, Readonly<Record<string, RowUpdate>>>>;

export class Snapshot {
  readonly #tables = new Map<string, TableCache>();

  constructor(model: Tables, initial: TableUpdates, format: UpdateFormat) {
    for (const [name, table] of Object.entries(model)) this.#tables.set(name, new TableCache(name, table));
    this.apply(initial, format);
  }

  table(name: string): TableCache {
    const table = this.#tables.get(name);
    if (!table) throw new OvsdbError('invalid value', { table: name, details: 'table is not in the model' });
    return table;
  }

  /** Applies one update message as a whole and says what it changed. */
  apply(updates: TableUpdates, format: UpdateFormat): RowChange[] {
    const changes: RowChange[] = [];
    for (const [name, rows] of Object.entries(updates)) {
      const table = this.table(name);
      for (const [uuid, update] of Object.entries(rows)) {
        const change = format === 1 ? applyWhole(table, uuid, update) : applyDifference(table, uuid, update);
        if (change) changes.push(change);
      }
    }
    return changes;
  }

  changesSince(older: Snapshot): RowChange[] {
    return [...this.#tables].flatMap(([name, table]) => table.changesSince(older.table(name)));
  }
}

function applyWhole(table: TableCache, uuid: string, update: RowUpdate): RowChange | undefined {
  return update['new'] ? table.replace(uuid, update['new']) : table.remove(uuid);
}

function applyDifference(table: TableCache, uuid: string, update: RowUpdate): RowChange | undefined {
  const whole = update['initial'] ?? update['insert'];
  if (whole) return table.replace(uuid, whole);
  if (update['modify']) return table.modify(uuid, update['modify']);
  return table.remove(uuid);
}
