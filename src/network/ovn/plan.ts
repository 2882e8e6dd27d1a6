// From desired and actual rows of units to one transaction that makes them equal. Counts what each unit writes, for
// the launch record. Reads the cache, writes nothing: the caller commits.
import type { Transaction } from '#platform/ovsdb/transaction.ts';
import type { NamedUuid, UuidInput } from '#platform/ovsdb/model.ts';
import type { ActualRow, ActualRows, KeyedRow } from './actual.ts';
import { changedColumns, contentKey } from './compare.ts';
import { Counts } from './counts.ts';
import { unitKey, type DesiredRow, type KeyedTable, type PartOf, type RowRef, type Unit } from './desired.ts';
import { DROP_GROUP, idInGroupName, KEY, type Nb, type NbTable } from './model.ts';

export interface DesiredUnit {
  readonly unit: Unit;
  readonly rows: readonly DesiredRow[];
}

export interface Plan {
  /** What each unit writes, by unitKey; units that write nothing are not in it. */
  readonly counts: ReadonlyMap<string, Counts>;
  readonly isEmpty: boolean;
  /** Set when a row carries a newer revision than SQL had when it was read: somebody else was faster. */
  readonly isBehind: boolean;
}

/** A set column of some row, to which members come and from which they go; written once, however many. */
interface SetEdit {
  readonly table: KeyedTable;
  readonly row: UuidInput;
  readonly column: string;
  readonly add: UuidInput[];
  readonly remove: UuidInput[];
}

/** Tables whose rows go with the last reference to them. */
const HELD: ReadonlySet<KeyedTable> = new Set(['Logical_Switch_Port', 'Logical_Router_Port', 'QoS']);

type LooseRow = Record<string, unknown>;
/** The builder with the row types of its tables forgotten: rows come from renderers, which were checked. */
interface LooseTransaction {
  insert(table: NbTable, row: LooseRow): NamedUuid;
  update(table: NbTable, where: UuidInput, row: LooseRow): unknown;
  mutate(
    table: NbTable,
    where: UuidInput,
    ...mutations: ReadonlyArray<readonly [string, string, unknown]>
  ): unknown;
  delete(table: NbTable, where: UuidInput): unknown;
  wait(table: NbTable, where: unknown, rows: LooseRow | readonly LooseRow[]): unknown;
}

export function planUnits(actual: ActualRows, units: readonly DesiredUnit[], tx: Transaction<Nb>): Plan {
  return new Planner(actual, tx as unknown as LooseTransaction).plan(units);
}

class Planner {
  readonly #actual: ActualRows;
  readonly #tx: LooseTransaction;
  readonly #counts = new Map<string, Counts>();
  readonly #inserted = new Map<string, NamedUuid>();
  readonly #edits = new Map<string, SetEdit>();
  #current = '';
  #isBehind = false;

  constructor(actual: ActualRows, tx: LooseTransaction) {
    this.#actual = actual;
    this.#tx = tx;
  }

  plan(units: readonly DesiredUnit[]): Plan {
    // Rows first, so that references to rows of later units find what is inserted.
    const matched = units.map(({ unit, rows }) => this.#insertAbsent(unit, rows));
    units.forEach(({ unit, rows }, index) => {
      this.#current = unitKey(unit);
      for (const row of rows) this.#bring(row, matched[index]!.get(row)); // one map a unit
      this.#removeOthers(unit, rows);
    });
    this.#writeEdits();
    return { counts: this.#counts, isEmpty: this.#counts.size === 0, isBehind: this.#isBehind };
  }

  #count(verb: 'inserted' | 'updated' | 'deleted', table: string, n = 1): void {
    const counts = this.#counts.get(this.#current) ?? new Counts();
    this.#counts.set(this.#current, counts);
    counts.add(verb, table, n);
  }

  #insertAbsent(unit: Unit, rows: readonly DesiredRow[]): Map<DesiredRow, KeyedRow | undefined> {
    this.#current = unitKey(unit);
    const found = new Map<DesiredRow, KeyedRow | undefined>();
    for (const row of rows) {
      const existing = this.#actual.find(row.table, row.key)[0];
      found.set(row, existing);
      if (existing || this.#inserted.has(refKey(row))) continue;
      this.#guardAbsence(row);
      this.#inserted.set(refKey(row), this.#tx.insert(row.table, { ...row.columns }));
      this.#count('inserted', row.table);
    }
    return found;
  }

  /** OVN does not hold these names unique: without this, two writers at once would make a double. */
  #guardAbsence({ table, columns, key }: DesiredRow): void {
    if (table === 'Logical_Switch' || table === 'Logical_Router')
      this.#tx.wait(table, [['name', '==', key]], []);
    if (table === 'DHCP_Options' && columns.external_ids) {
      const { [KEY.revision]: _, ...ids } = columns.external_ids;
      if (KEY.port in ids) this.#tx.wait(table, [['external_ids', 'includes', ids]], []);
    }
  }

  #bring(desired: DesiredRow, existing: KeyedRow | undefined): void {
    const target = existing?._uuid ?? this.#inserted.get(refKey(desired));
    if (target === undefined) return;
    if (existing) this.#update(desired, existing);
    else if (desired.links) this.#setLinks(desired, target);
    for (const part of desired.parts ?? []) this.#bringParts(desired.table, target, part, existing);
    if (desired.parent) this.#bringParent(desired, target, desired.parent, existing);
    if (desired.groups) this.#bringGroups(target, desired.groups, existing);
  }

  #update(desired: DesiredRow, existing: KeyedRow): void {
    const changes = {
      ...changedColumns(existing, desired.columns),
      ...this.#changedLinks(desired, existing),
    };
    if (Object.keys(changes).length === 0) return;
    if (revisionOf(existing.external_ids) > revisionOf(desired.columns.external_ids ?? {}))
      this.#isBehind = true;
    // Whoever changed the row since our copy of it wins; we look again.
    this.#tx.wait(desired.table, existing._uuid, { external_ids: existing.external_ids });
    this.#tx.update(desired.table, existing._uuid, changes);
    this.#count('updated', desired.table);
  }

  #resolve(ref: RowRef): UuidInput | null {
    return this.#actual.find(ref.table, ref.key)[0]?._uuid ?? this.#inserted.get(refKey(ref)) ?? null;
  }

  #changedLinks(desired: DesiredRow, existing: KeyedRow): LooseRow {
    const changes: LooseRow = {};
    for (const [column, ref] of Object.entries(desired.links ?? {})) {
      const wanted = ref ? this.#resolve(ref) : null;
      if ((existing as unknown as LooseRow)[column] !== wanted) changes[column] = wanted;
    }
    return changes;
  }

  #setLinks(desired: DesiredRow, target: UuidInput): void {
    const links = Object.entries(desired.links ?? {}).flatMap(([column, ref]) => {
      const wanted = ref ? this.#resolve(ref) : null;
      return wanted === null ? [] : [[column, wanted] as const];
    });
    if (links.length > 0) this.#tx.update(desired.table, target, Object.fromEntries(links));
  }

  /** Parts are equal or they are not: what differs is replaced. */
  #bringParts(table: KeyedTable, target: UuidInput, part: PartOf, existing: KeyedRow | undefined): void {
    const wanted = new Map<string, LooseRow>();
    for (const row of part.rows) wanted.set(contentKey(row, row), { ...row });
    const shape = part.rows[0];
    const held = ((existing as unknown as LooseRow | undefined)?.[part.column] ?? []) as readonly string[];
    for (const uuid of held) {
      const row = this.#actual.nb.table(part.table).get(uuid);
      if (part.table === 'Load_Balancer' && !this.#isOwnBalancer(uuid)) continue;
      const key = row && shape ? contentKey(row, shape) : '';
      if (wanted.delete(key)) continue;
      this.#edit(table, target, part.column).remove.push(uuid);
      if (part.table === 'Load_Balancer') this.#tx.delete(part.table, uuid);
      this.#count('deleted', part.table);
    }
    for (const row of wanted.values()) {
      this.#edit(table, target, part.column).add.push(this.#tx.insert(part.table, row));
      this.#count('inserted', part.table);
    }
  }

  /** Routers may carry those of others, as of a load balancer service. */
  #isOwnBalancer(uuid: string): boolean {
    return this.#actual.nb.table('Load_Balancer').get(uuid)?.external_ids[KEY.fip] !== undefined;
  }

  #bringParent(
    desired: DesiredRow,
    target: UuidInput,
    parent: NonNullable<DesiredRow['parent']>,
    existing: KeyedRow | undefined,
  ): void {
    const wanted = this.#resolve(parent);
    const held = existing ? this.#parentsOf(desired.table, existing._uuid) : [];
    for (const uuid of held) {
      if (uuid === wanted) continue;
      this.#edit(parent.table, uuid, parent.column).remove.push(target);
      this.#count('updated', parent.table);
    }
    if (wanted === null || held.includes(wanted as string)) return;
    this.#edit(parent.table, wanted, parent.column).add.push(target);
    this.#count('updated', parent.table);
  }

  #parentsOf(table: KeyedTable, uuid: string): string[] {
    if (table === 'Logical_Switch_Port') return this.#holders('Logical_Switch', uuid);
    if (table === 'Logical_Router_Port') return this.#holders('Logical_Router', uuid);
    if (table === 'QoS')
      return this.#actual.nb
        .table('Logical_Switch')
        .where('qos_rules', uuid)
        .map((row) => row._uuid);
    return [];
  }

  #holders(table: 'Logical_Switch' | 'Logical_Router' | 'Port_Group', uuid: string): string[] {
    const { nb } = this.#actual;
    switch (table) {
      case 'Logical_Switch':
        return nb
          .table(table)
          .where('ports', uuid)
          .map((row) => row._uuid);
      case 'Logical_Router':
        return nb
          .table(table)
          .where('ports', uuid)
          .map((row) => row._uuid);
      case 'Port_Group':
        return nb
          .table(table)
          .where('ports', uuid)
          .filter((row) => row.name === DROP_GROUP || idInGroupName(row.name) !== undefined)
          .map((row) => row._uuid);
    }
  }

  #bringGroups(target: UuidInput, groups: readonly string[], existing: KeyedRow | undefined): void {
    const wanted = new Set(groups.flatMap((key) => this.#resolve({ table: 'Port_Group', key }) ?? []));
    for (const uuid of existing ? this.#holders('Port_Group', existing._uuid) : []) {
      if (wanted.delete(uuid)) continue;
      this.#edit('Port_Group', uuid, 'ports').remove.push(target);
      this.#count('updated', 'Port_Group');
    }
    for (const group of wanted) {
      this.#edit('Port_Group', group, 'ports').add.push(target);
      this.#count('updated', 'Port_Group');
    }
  }

  #removeOthers(unit: Unit, rows: readonly DesiredRow[]): void {
    const wanted = new Set(rows.flatMap((row) => this.#actual.find(row.table, row.key)[0]?._uuid ?? []));
    for (const other of this.#actual.rowsOf(unit)) if (!wanted.has(other.row._uuid)) this.#remove(other);
  }

  #remove({ table, row }: ActualRow): void {
    this.#count('deleted', table);
    if (table === 'Logical_Router')
      for (const uuid of (row as unknown as { readonly load_balancer: readonly string[] }).load_balancer)
        if (this.#isOwnBalancer(uuid)) this.#tx.delete('Load_Balancer', uuid);
    const parents = this.#parentsOf(table, row._uuid);
    const column = table === 'QoS' ? 'qos_rules' : 'ports';
    const parentTable = table === 'Logical_Router_Port' ? 'Logical_Router' : 'Logical_Switch';
    // The row goes with the last reference to it.
    for (const parent of parents) this.#edit(parentTable, parent, column).remove.push(row._uuid);
    if (parents.length === 0 || !HELD.has(table)) this.#tx.delete(table, row._uuid);
  }

  #edit(table: KeyedTable, row: UuidInput, column: string): SetEdit {
    const key = `${column} ${typeof row === 'string' ? row : `new ${row.named}`}`;
    const edit = this.#edits.get(key) ?? { table, row, column, add: [], remove: [] };
    this.#edits.set(key, edit);
    return edit;
  }

  #writeEdits(): void {
    for (const { table, row, column, add, remove } of this.#edits.values()) {
      const mutations: Array<readonly [string, string, unknown]> = [];
      if (remove.length > 0) mutations.push([column, 'delete', remove]);
      if (add.length > 0) mutations.push([column, 'insert', add]);
      if (mutations.length > 0) this.#tx.mutate(table, row, ...mutations);
    }
  }
}

function refKey({ table, key }: RowRef): string {
  return `${table} ${key}`;
}

function revisionOf(ids: Readonly<Partial<Record<string, string>>>): number {
  return Number(ids[KEY.revision] ?? -1);
}
