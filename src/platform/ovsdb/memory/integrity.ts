// What a draft must satisfy before it is committed, and what follows from it: strong references may not dangle, rows
// that nothing keeps alive go, weak references to rows that are gone are removed, then row counts and unique indexes.
// Used by memory-server.ts.
import { OvsdbError } from '../errors.ts';
import { checkSize, type Datum, violation } from './datum.ts';
import {
  type Draft,
  indexKey,
  isReference,
  referenceChanges,
  rowKey,
  type StoredChange,
  type StoredRow,
  uuidsOf,
} from './store.ts';

/** Throws 'referential integrity violation' or 'constraint violation'. */
export function finish(draft: Draft): void {
  const counts = new StrongCounts(draft);
  counts.check();
  counts.collectGarbage();
  dropWeakReferences(draft);
  checkRowCounts(draft);
  checkIndexes(draft);
}

interface Target {
  readonly table: string;
  readonly uuid: string;
}

/** Strong references as they would be after the draft, kept only for the rows that it touches. */
class StrongCounts {
  readonly #draft: Draft;
  readonly #deltas = new Map<string, { target: Target; delta: number }>();

  constructor(draft: Draft) {
    this.#draft = draft;
    for (const { table, old, new: row } of draft.changes()) {
      this.#add(table, old, row);
    }
  }

  check(): void {
    for (const { target } of this.#deltas.values()) {
      if (this.#count(target) > 0 && !this.#draft.get(target.table, target.uuid)) throw dangling(target);
    }
    for (const { table, uuid, new: row } of this.#draft.changes()) {
      const count = this.#count({ table, uuid });
      if (!row && count > 0) throw dangling({ table, uuid });
    }
  }

  collectGarbage(): void {
    const { model } = this.#draft.store;
    const candidates: Target[] = [...this.#draft.changes()].map(({ table, uuid }) => ({ table, uuid }));
    candidates.push(...[...this.#deltas.values()].map(({ target }) => target));
    for (let next = candidates.pop(); next; next = candidates.pop()) {
      const row = this.#draft.get(next.table, next.uuid);
      if (!row || model[next.table]?.root || this.#count(next) > 0) continue;
      this.#draft.remove(next.table, next.uuid);
      for (const target of this.#add(next.table, row, null)) candidates.push(target);
    }
  }

  #count({ table, uuid }: Target): number {
    const key = rowKey(table, uuid);
    return (this.#draft.store.strongCounts.get(key) ?? 0) + (this.#deltas.get(key)?.delta ?? 0);
  }

  /** Counts what a change of a row does to its strong references, and returns their targets. */
  #add(table: string, old: StoredRow | null, row: StoredRow | null): Target[] {
    const targets: Target[] = [];
    for (const { key, strong, delta, ...target } of referenceChanges(
      this.#draft.store.model[table]!,
      old,
      row,
    )) {
      if (!strong) continue;
      targets.push(target);
      const known = this.#deltas.get(key);
      if (known) known.delta += delta;
      else this.#deltas.set(key, { target, delta });
    }
    return targets;
  }
}

function dropWeakReferences(draft: Draft): void {
  const affected = new Map<string, Target>();
  const { model } = draft.store;
  for (const { table, uuid, old, new: row } of draft.changes()) {
    if (!row)
      for (const source of draft.store.weakSources(rowKey(table, uuid)))
        affected.set(rowKey(source.table, source.uuid), source);
    else if (referenceChanges(model[table]!, old, row).some(({ strong, delta }) => !strong && delta === 1)) {
      affected.set(rowKey(table, uuid), { table, uuid });
    }
  }
  for (const { table, uuid } of affected.values()) {
    const row = draft.get(table, uuid);
    if (row) dropFromRow(draft, table, row);
  }
}

function dropFromRow(draft: Draft, table: string, row: StoredRow): void {
  const changed: Record<string, Datum> = {};
  for (const [name, column] of Object.entries(draft.store.model[table]!.columns)) {
    if (!isReference(column)) continue;
    const held = row.columns[name]!; // a stored row has every column
    const kept = [...held].filter((pair) =>
      uuidsOf(column, pair).every(
        ({ atom, uuid }) => atom.refType !== 'weak' || draft.get(atom.refTable!, uuid),
      ),
    );
    if (kept.length === held.size) continue;
    changed[name] = new Map(kept);
    checkSize(column, changed[name]);
  }
  if (Object.keys(changed).length > 0) draft.put(table, row.uuid, { ...row.columns, ...changed });
}

function checkRowCounts(draft: Draft): void {
  const counts = new Map<string, number>();
  for (const { table, old, new: row } of draft.changes()) {
    const count = counts.get(table) ?? draft.store.rows(table).size;
    counts.set(table, count + (row ? 1 : 0) - (old ? 1 : 0));
  }
  for (const [table, count] of counts) {
    const { maxRows = Infinity } = draft.store.model[table]!;
    if (count > maxRows)
      throw violation(`table ${table} would have ${count} rows where ${maxRows} are allowed`);
  }
}

function checkIndexes(draft: Draft): void {
  const changes = [...draft.changes()];
  const changed = new Set(changes.map(({ table, uuid }) => rowKey(table, uuid)));
  const taken = new Map<string, string>();
  for (const change of changes) checkIndexesOf(draft, change, changed, taken);
}

function checkIndexesOf(
  draft: Draft,
  { table, uuid, new: row }: StoredChange,
  changed: ReadonlySet<string>,
  taken: Map<string, string>,
): void {
  if (!row) return;
  const model = draft.store.model[table]!;
  model.indexes?.forEach((columns, index) => {
    const key = indexKey(model, index, row);
    const holder = draft.store.holderOf(table, index, key);
    const rival = taken.get(`${table} ${index} ${key}`);
    // A row of the draft that held the key before may have given it up; if it did not, it is a rival.
    if (
      rival !== undefined ||
      (holder !== undefined && holder !== uuid && !changed.has(rowKey(table, holder)))
    ) {
      throw violation(
        `two rows of table ${table} with the same value of index ${columns.join(', ')}: ${key}`,
      );
    }
    taken.set(`${table} ${index} ${key}`, uuid);
  });
}

function dangling({ table, uuid }: Target): OvsdbError {
  return new OvsdbError('referential integrity violation', {
    details: `a strong reference to row ${uuid} of table ${table}, which would not exist`,
  });
}
