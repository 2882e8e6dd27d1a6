// Executes the operations of `transact` on a draft. Used by memory-server.ts.
import { randomUUID } from 'node:crypto';
import { OvsdbError } from '../errors.ts';
import type { AnyColumn, TableModel } from '../model.ts';
import {
  compareDatum,
  type Datum,
  defaultDatum,
  mutateDatum,
  parseDatum,
  parseLoosely,
  type ResolveName,
  sameDatum,
  soundDefault,
  syntax,
  violation,
  writeDatum,
} from './datum.ts';
import type { Draft, StoredRow } from './store.ts';

export type WireOperation = Readonly<Record<string, unknown>>;

/** The transaction must be tried again when something changed: a `wait` does not hold yet. */
export class Blocked extends Error {
  /** Infinity: no limit. */
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super('blocked');
    this.timeoutMs = timeoutMs;
  }
}

export interface ExecutionContext {
  /** Since the transaction was first tried. */
  readonly elapsedMs: number;
  readonly ownsLock: (name: string) => boolean;
}

const PSEUDO_COLUMN: AnyColumn = { key: { type: 'uuid' }, min: 1, max: 1 };

export class Execution {
  readonly #draft: Draft;
  readonly #context: ExecutionContext;
  readonly #names = new Map<string, string>();
  readonly #inserted = new Set<string>();

  constructor(draft: Draft, context: ExecutionContext) {
    this.#draft = draft;
    this.#context = context;
  }

  /** One operation's result. Throws OvsdbError, or Blocked. */
  execute(operation: WireOperation): object {
    switch (operation['op']) {
      case 'insert':
        return this.#insert(operation);
      case 'select':
        return { rows: this.#matching(operation).map((row) => this.#write(operation, row)) };
      case 'update':
        return this.#update(operation);
      case 'mutate':
        return this.#mutate(operation);
      case 'delete':
        return this.#delete(operation);
      case 'wait':
        return this.#wait(operation);
      case 'commit':
      case 'comment':
        return {};
      case 'abort':
        throw new OvsdbError('aborted', { details: 'aborted by request' });
      case 'assert':
        if (this.#context.ownsLock(String(operation['lock']))) return {};
        throw new OvsdbError('not owner', {
          details: `this session does not own lock ${String(operation['lock'])}`,
        });
      default:
        throw syntax(`no operation is called ${String(operation['op'])}`);
    }
  }

  /** A name may be used before the operation that inserts its row. */
  readonly #resolve: ResolveName = (name) => {
    const uuid = this.#names.get(name) ?? randomUUID();
    this.#names.set(name, uuid);
    return uuid;
  };

  #insert(operation: WireOperation): object {
    const { name, model } = this.#table(operation);
    const uuidName = operation['uuid-name'];
    if (typeof uuidName === 'string' && this.#inserted.has(uuidName)) {
      throw new OvsdbError('duplicate uuid-name', { details: uuidName });
    }
    const uuid = typeof uuidName === 'string' ? this.#resolve(uuidName) : randomUUID();
    if (typeof uuidName === 'string') this.#inserted.add(uuidName);
    const given = this.#parseRow(model, operation['row']);
    const columns = Object.fromEntries(
      Object.entries(model.columns).map(([column, type]) => [column, given[column] ?? soundDefault(type)]),
    );
    this.#draft.put(name, uuid, columns);
    return { uuid: ['uuid', uuid] };
  }

  #update(operation: WireOperation): object {
    const { name, model } = this.#table(operation);
    const given = this.#parseRow(model, operation['row']);
    for (const column of Object.keys(given)) refuseImmutable(model, column);
    const rows = this.#matching(operation);
    for (const row of rows) this.#draft.put(name, row.uuid, { ...row.columns, ...given });
    return { count: rows.length };
  }

  #mutate(operation: WireOperation): object {
    const { name, model } = this.#table(operation);
    const mutations = listOf(operation['mutations']);
    const rows = this.#matching(operation);
    for (const row of rows) {
      const columns: Record<string, Datum> = { ...row.columns };
      for (const mutation of mutations) {
        const [column, mutator, value] = listOf(mutation) as [string, string, unknown];
        const type = columnOf(model, column);
        refuseImmutable(model, column);
        columns[column] = mutateDatum(type, columns[column]!, mutator, value, this.#resolve);
      }
      this.#draft.put(name, row.uuid, columns);
    }
    return { count: rows.length };
  }

  #delete(operation: WireOperation): object {
    const { name } = this.#table(operation);
    const rows = this.#matching(operation);
    for (const row of rows) this.#draft.remove(name, row.uuid);
    return { count: rows.length };
  }

  #wait(operation: WireOperation): object {
    const { model } = this.#table(operation);
    const columns = columnsOf(operation, model);
    const held = this.#matching(operation).map((row) => columns.map((column) => cell(row, column)));
    const given = listOf(operation['rows']).map((row) => this.#parseWaitRow(model, columns, row));
    const equal = sameRows(held, given);
    if (equal === (operation['until'] === '==')) return {};
    const timeoutMs = typeof operation['timeout'] === 'number' ? operation['timeout'] : Infinity;
    if (this.#context.elapsedMs < timeoutMs) throw new Blocked(timeoutMs);
    throw new OvsdbError('timed out', { details: 'the condition of a wait does not hold' });
  }

  #matching(operation: WireOperation): StoredRow[] {
    const { name, model } = this.#table(operation);
    const conditions = listOf(operation['where']).map((condition) => {
      const [column, comparison, value] = listOf(condition) as [string, string, unknown];
      const type = columnOf(model, column);
      return { column, comparison, type, given: parseLoosely(type, value, this.#resolve) };
    });
    const byUuid = conditions.find(({ column, comparison }) => column === '_uuid' && comparison === '==');
    const [uuid] = byUuid?.given.keys() ?? [];
    const row = typeof uuid === 'string' ? this.#draft.get(name, uuid) : undefined;
    const candidates = byUuid ? (row ? [row] : []) : this.#draft.rows(name);
    return [...candidates].filter((candidate) =>
      conditions.every(({ column, comparison, type, given }) =>
        compareDatum(type, cell(candidate, column), comparison, given),
      ),
    );
  }

  #table(operation: WireOperation): { name: string; model: TableModel } {
    const name = operation['table'];
    const { model } = this.#draft.store;
    if (typeof name !== 'string' || !Object.hasOwn(model, name)) {
      throw new OvsdbError('unknown table', { details: String(name) });
    }
    return { name, model: model[name]! }; // hasOwn above
  }

  #parseRow(model: TableModel, wire: unknown): Record<string, Datum> {
    if (wire === null || typeof wire !== 'object' || Array.isArray(wire)) throw syntax('expected a row');
    return Object.fromEntries(
      Object.entries(wire).map(([name, value]) => {
        if (name.startsWith('_')) throw violation(`column ${name} cannot be set`);
        return [name, parseDatum(columnOf(model, name), value, this.#resolve)];
      }),
    );
  }

  #parseWaitRow(model: TableModel, columns: readonly string[], wire: unknown): Datum[] {
    const row = (wire ?? {}) as Record<string, unknown>;
    return columns.map((name) => {
      const column = columnOf(model, name);
      return Object.hasOwn(row, name) ? parseLoosely(column, row[name], this.#resolve) : defaultDatum(column);
    });
  }

  #write(operation: WireOperation, row: StoredRow): object {
    const { model } = this.#table(operation);
    const names = columnsOf(operation, model, ['_uuid', '_version']);
    return Object.fromEntries(
      names.map((name) => [name, writeDatum(columnOf(model, name), cell(row, name))]),
    );
  }
}

function columnsOf(operation: WireOperation, model: TableModel, pseudo: string[] = []): string[] {
  if (operation['columns'] === undefined) return [...pseudo, ...Object.keys(model.columns)];
  return listOf(operation['columns']).map((name) => {
    columnOf(model, String(name));
    return String(name);
  });
}

function columnOf(model: TableModel, name: string): AnyColumn {
  if (name === '_uuid' || name === '_version') return PSEUDO_COLUMN;
  const column = Object.hasOwn(model.columns, name) ? model.columns[name] : undefined;
  if (!column) throw new OvsdbError('unknown column', { details: name });
  return column;
}

function cell(row: StoredRow, column: string): Datum {
  if (column === '_uuid') return new Map([[row.uuid, true]]);
  if (column === '_version') return new Map([[row.version, true]]);
  return row.columns[column]!; // columnOf has checked the name, and a stored row has every column
}

function refuseImmutable(model: TableModel, column: string): void {
  if (columnOf(model, column).immutable) throw violation(`column ${column} cannot be changed after insert`);
}

/** As sets: order and repetitions do not count. */
function sameRows(a: readonly Datum[][], b: readonly Datum[][]): boolean {
  const within = (rows: readonly Datum[][], others: readonly Datum[][]): boolean =>
    rows.every((row) => others.some((other) => row.every((datum, i) => sameDatum(datum, other[i]!))));
  return within(a, b) && within(b, a);
}

function listOf(wire: unknown): readonly unknown[] {
  if (!Array.isArray(wire)) throw syntax('expected a list');
  return wire as unknown[];
}
