// Transactions as values: operations in the words of the model, their wire notation, and the reading of results.
// Nothing is sent before commit. Used through client.ts.
import { encode, encodeKeys } from './codec.ts';
import { OvsdbError } from './errors.ts';
import type {
  AnyColumn,
  ColumnName,
  NamedUuid,
  RowInput,
  TableModel,
  TableName,
  Tables,
  UuidInput,
} from './model.ts';

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes';
export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete';

type InputOf<T extends TableModel, C extends ColumnName<T>> = Exclude<RowInput<T>[C], undefined>;

export type Condition<T extends TableModel> =
  | readonly ['_uuid', '==' | '!=', UuidInput]
  | { [C in ColumnName<T>]: readonly [C, Comparison, InputOf<T, C>] }[ColumnName<T>];

/** A row's uuid, or conditions that must all hold; an empty list means every row. */
export type Where<T extends TableModel> = UuidInput | readonly Condition<T>[];

/** `delete` on a map takes a map (key and value must match) or an array of keys. */
export type Mutation<T extends TableModel> = {
  [C in ColumnName<T>]: readonly [C, Mutator, InputOf<T, C> | readonly string[]];
}[ColumnName<T>];

export interface CommitOptions {
  /** The reply waits until the change is on disk. */
  durable?: boolean;
  /** Default true: once resolved, reads from the cache see this transaction. */
  observe?: boolean;
  deadlineMs?: number;
  signal?: AbortSignal;
}

export interface OperationResult {
  /** The real uuid of an insert. */
  readonly uuid?: string;
  /** Rows matched by update, mutate or delete. */
  readonly count?: number;
}

export interface CommitResult {
  /** One for each operation, in order. */
  readonly results: readonly OperationResult[];
  /** The real uuid of a row inserted by this transaction. Throws 'invalid value' on any other reference. */
  uuidOf(reference: UuidInput): string;
}

interface Named {
  readonly table: string;
}
export type Operation = Named &
  (
    | { readonly op: 'insert'; readonly row: object; readonly uuidName?: string }
    | { readonly op: 'update'; readonly where: unknown; readonly row: object }
    | { readonly op: 'mutate'; readonly where: unknown; readonly mutations: readonly unknown[] }
    | { readonly op: 'delete'; readonly where: unknown }
    | {
        readonly op: 'wait';
        readonly where: unknown;
        readonly rows: readonly object[];
        readonly until?: '==' | '!=';
        readonly timeoutMs?: number;
      }
  );
export type AnyOperation =
  | Operation
  | { readonly op: 'comment'; readonly comment: string }
  | { readonly op: 'abort' };

export type Commit = (operations: readonly AnyOperation[], options: CommitOptions) => Promise<CommitResult>;

export class Transaction<M extends Tables> {
  readonly #operations: AnyOperation[] = [];
  readonly #commit: Commit;

  constructor(commit: Commit) {
    this.#commit = commit;
  }

  /** What commit would send. */
  get operations(): readonly AnyOperation[] {
    return this.#operations;
  }

  /** The reference it returns can stand for the row's uuid anywhere in this transaction. */
  insert<T extends TableName<M>>(table: T, row: RowInput<M[T]>, uuidName?: string): NamedUuid {
    const named = uuidName ?? `row${this.#operations.length}`;
    this.#operations.push({ op: 'insert', table, row, uuidName: named });
    return { named };
  }

  update<T extends TableName<M>>(table: T, where: Where<M[T]>, row: RowInput<M[T]>): this {
    this.#operations.push({ op: 'update', table, where, row });
    return this;
  }

  mutate<T extends TableName<M>>(table: T, where: Where<M[T]>, ...mutations: Mutation<M[T]>[]): this {
    this.#operations.push({ op: 'mutate', table, where, mutations });
    return this;
  }

  delete<T extends TableName<M>>(table: T, where: Where<M[T]>): this {
    this.#operations.push({ op: 'delete', table, where });
    return this;
  }

  /**
   * Compare-and-set: aborts with the code 'timed out' unless the matching rows equal `rows` in the columns that these
   * name (or differ, with until '!='). An empty list means that there is no such row, and needs until '=='.
   */
  wait<T extends TableName<M>>(
    table: T,
    where: Where<M[T]>,
    rows: RowInput<M[T]> | readonly RowInput<M[T]>[],
    { until = '==', timeoutMs = 0 }: { until?: '==' | '!='; timeoutMs?: number } = {},
  ): this {
    const list = Array.isArray(rows) ? (rows as readonly object[]) : [rows];
    this.#operations.push({ op: 'wait', table, where, rows: list, until, timeoutMs });
    return this;
  }

  /** Goes to the database's log. */
  comment(comment: string): this {
    this.#operations.push({ op: 'comment', comment });
    return this;
  }

  /** Rejects with OvsdbError; with outcome 'unknown' if the transaction may have been committed all the same. */
  commit(options: CommitOptions = {}): Promise<CommitResult> {
    return this.#commit(this.#operations, options);
  }
}

/** Wire notation. Throws 'invalid value' with the index of the operation that cannot be written. */
export function encodeOperations(model: Tables, operations: readonly AnyOperation[]): unknown[] {
  return operations.map((operation, opIndex) => {
    try {
      return encodeOperation(model, operation);
    } catch (error) {
      if (!(error instanceof OvsdbError)) throw error;
      const table = 'table' in operation ? { table: operation.table } : {};
      throw new OvsdbError(error.code, { ...table, opIndex, details: error.details ?? '', cause: error });
    }
  });
}

function encodeOperation(model: Tables, operation: AnyOperation): object {
  if (operation.op === 'comment' || operation.op === 'abort') return operation;
  const { op, table: name } = operation;
  const table = model[name];
  if (!table) throw new OvsdbError('invalid value', { details: 'table is not in the model' });
  switch (op) {
    case 'insert':
      return { op, table: name, row: encodeRow(table, operation.row), 'uuid-name': operation.uuidName };
    case 'update':
      return {
        op,
        table: name,
        where: encodeWhere(table, operation.where),
        row: encodeRow(table, operation.row),
      };
    case 'mutate':
      return {
        op,
        table: name,
        where: encodeWhere(table, operation.where),
        mutations: operation.mutations.map((mutation) => encodeMutation(table, mutation)),
      };
    case 'delete':
      return { op, table: name, where: encodeWhere(table, operation.where) };
    case 'wait': {
      const rows = operation.rows.map((row) => encodeRow(table, row));
      return {
        op,
        table: name,
        where: encodeWhere(table, operation.where),
        columns: Object.keys(rows[0] ?? { _uuid: '' }),
        until: operation.until ?? '==',
        rows,
        timeout: operation.timeoutMs ?? 0,
      };
    }
  }
}

function columnOf(table: TableModel, name: string): AnyColumn {
  const column = name === '_uuid' ? UUID_COLUMN : Object.hasOwn(table.columns, name) && table.columns[name];
  if (!column) throw new OvsdbError('invalid value', { details: `column ${name} is not in the model` });
  return column;
}

const UUID_COLUMN: AnyColumn = { key: { type: 'uuid' }, min: 1, max: 1 };

function encodeRow(table: TableModel, row: object): Record<string, unknown> {
  const pairs = Object.entries(row).filter(([, value]) => value !== undefined);
  return Object.fromEntries(pairs.map(([name, value]) => [name, encode(columnOf(table, name), value)]));
}

function encodeWhere(table: TableModel, where: unknown): unknown[] {
  if (!Array.isArray(where)) return [['_uuid', '==', encode(UUID_COLUMN, where)]];
  return (where as [string, string, unknown][]).map(([name, comparison, value]) => [
    name,
    comparison,
    encode(columnOf(table, name), value),
  ]);
}

function encodeMutation(table: TableModel, mutation: unknown): unknown[] {
  const [name, mutator, value] = mutation as [string, string, unknown];
  const column = columnOf(table, name);
  const keysOnly = mutator === 'delete' && column.value !== undefined && Array.isArray(value);
  return [name, mutator, keysOnly ? encodeKeys(column, value as unknown[]) : encode(column, value)];
}

interface WireResult {
  readonly error?: string;
  readonly details?: string;
  readonly uuid?: readonly [string, string];
  readonly count?: number;
}

/** Reads the reply to `transact`. Throws OvsdbError if any operation or the commit failed. */
export function readResults(operations: readonly AnyOperation[], reply: unknown): CommitResult {
  const wire = reply as readonly (WireResult | null)[];
  wire.forEach((result, index) => {
    if (!result?.error) return;
    const operation = operations[index];
    throw new OvsdbError(result.error, {
      ...(result.details === undefined ? {} : { details: result.details }),
      // A failed commit is reported after the last operation.
      ...(operation ? { opIndex: index } : {}),
      ...(operation && 'table' in operation ? { table: operation.table } : {}),
    });
  });
  const results = operations.map((_, index): OperationResult => {
    const { uuid, count } = wire[index] ?? {};
    return { ...(uuid ? { uuid: uuid[1] } : {}), ...(count === undefined ? {} : { count }) };
  });
  const byName = new Map(
    operations.flatMap((operation, index): [string, string][] => {
      const { uuid } = results[index] ?? {};
      return operation.op === 'insert' && operation.uuidName && uuid ? [[operation.uuidName, uuid]] : [];
    }),
  );
  return {
    results,
    uuidOf(reference) {
      if (typeof reference === 'string') return reference;
      const uuid = byName.get(reference.named);
      if (!uuid)
        throw new OvsdbError('invalid value', { details: `no row was inserted as ${reference.named}` });
      return uuid;
    },
  };
}
