// The model layer: tables described by plain constants, and the row types that follow from them. Written by hand or
// generated; used by everything above the wire.

export type AtomicType = 'string' | 'integer' | 'real' | 'boolean' | 'uuid';

/** A reference to a row that the same transaction inserts. */
export interface NamedUuid {
  readonly named: string;
}
export type UuidInput = string | NamedUuid;

/** The kind of one element. T is what a row holds, I what a write accepts. */
export interface Atom<T, I = T> {
  readonly type: AtomicType;
  readonly enum?: readonly T[];
  readonly minInteger?: number;
  readonly maxInteger?: number;
  readonly maxLength?: number;
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
  /** Carries the types only; never set. */
  readonly phantom?: { row: T; input: I };
}

export interface Column<T, I = T> {
  readonly key: Atom<unknown, unknown>;
  readonly value?: Atom<unknown, unknown>;
  readonly min: 0 | 1;
  readonly max: number;
  readonly ephemeral?: boolean;
  readonly immutable?: boolean;
  readonly phantom?: { row: T; input: I };
}

export type AnyColumn = Column<unknown, unknown>;

export interface TableModel {
  readonly columns: Readonly<Record<string, AnyColumn>>;
  /** Rows of a table that is not a root live only as long as a strong reference to them. */
  readonly root?: boolean;
  readonly maxRows?: number;
  /** Unique sets of columns, held by the server. */
  readonly indexes?: readonly (readonly string[])[];
  /** Further columns that `where` can look up; a column that is a set is found by each of its elements. */
  readonly lookups?: readonly string[];
}

export type Tables = Readonly<Record<string, TableModel>>;

export const string: Atom<string> = { type: 'string' };
export const integer: Atom<number> = { type: 'integer' };
export const real: Atom<number> = { type: 'real' };
export const boolean: Atom<boolean> = { type: 'boolean' };
export const uuid: Atom<string, UuidInput> = { type: 'uuid' };

/** A reference that keeps its row alive and may not dangle. */
export function strong(refTable: string): Atom<string, UuidInput> {
  return { type: 'uuid', refTable, refType: 'strong' };
}

/** A reference that vanishes with its row. */
export function weak(refTable: string): Atom<string, UuidInput> {
  return { type: 'uuid', refTable, refType: 'weak' };
}

export function oneOf<const T extends string>(...values: T[]): Atom<T> {
  return { type: 'string', enum: values };
}

export function range(minInteger: number, maxInteger?: number): Atom<number> {
  return { type: 'integer', minInteger, ...(maxInteger === undefined ? {} : { maxInteger }) };
}

export function text(maxLength: number): Atom<string> {
  return { type: 'string', maxLength };
}

/** Exactly one value. */
export function one<T, I>(key: Atom<T, I>): Column<T, I> {
  return { key, min: 1, max: 1 };
}

/** One value or null. */
export function optional<T, I>(key: Atom<T, I>): Column<T | null, I | null> {
  return { key, min: 0, max: 1 };
}

/** A set; rows hold it as a sorted array. */
export function set<T, I>(
  key: Atom<T, I>,
  { min = 0, max = Infinity }: { min?: 0 | 1; max?: number } = {},
): Column<readonly T[], readonly I[] | ReadonlySet<I>> {
  return { key, min, max };
}

/** A map; rows hold it as an object, whose keys are strings as in any object. */
export function map<K extends string | number, V, I>(
  key: Atom<K>,
  value: Atom<V, I>,
): Column<Readonly<Partial<Record<K, V>>>, Readonly<Partial<Record<K, I>>>> {
  return { key, value, min: 0, max: Infinity };
}

/** Not kept across a restart of the server. */
export function ephemeral<T, I>(column: Column<T, I>): Column<T, I> {
  return { ...column, ephemeral: true };
}

/** Set at insert and never after. */
export function immutable<T, I>(column: Column<T, I>): Column<T, I> {
  return { ...column, immutable: true };
}

/** Keeps the literal types of a table, so that `where` knows its columns. */
export function table<const T extends TableModel>(model: T): T {
  return model;
}

type RowValue<C> = C extends { phantom?: { row: infer T } } ? T : never;
type InputValue<C> = C extends { phantom?: { input: infer I } } ? I : never;

export type Row<T extends TableModel> = { readonly _uuid: string } & {
  readonly [C in keyof T['columns']]: RowValue<T['columns'][C]>;
};

/** What insert and update accept: columns left out keep their value, or take the default of their type. */
export type RowInput<T extends TableModel> = {
  readonly [C in keyof T['columns']]?: InputValue<T['columns'][C]>;
};

export type ColumnName<T extends TableModel> = keyof T['columns'] & string;

type SingleIndex<T> = T extends { indexes: readonly (infer X)[] }
  ? X extends readonly [infer C]
    ? C
    : never
  : never;
type Lookup<T> = T extends { lookups: readonly (infer C)[] } ? C : never;

/** The columns that `where` can look up. */
export type IndexColumn<T extends TableModel> = (SingleIndex<T> | Lookup<T>) & ColumnName<T>;

type Element<V> = V extends readonly (infer E)[] ? E : NonNullable<V>;
export type IndexValue<T extends TableModel, C extends ColumnName<T>> = Element<Row<T>[C]>;

export type TableName<M extends Tables> = keyof M & string;

export type Change<M extends Tables> = {
  [T in TableName<M>]:
    | {
        readonly table: T;
        readonly kind: 'insert';
        readonly uuid: string;
        readonly old: null;
        readonly new: Row<M[T]>;
      }
    | {
        readonly table: T;
        readonly kind: 'modify';
        readonly uuid: string;
        readonly old: Row<M[T]>;
        readonly new: Row<M[T]>;
      }
    | {
        readonly table: T;
        readonly kind: 'delete';
        readonly uuid: string;
        readonly old: Row<M[T]>;
        readonly new: null;
      };
}[TableName<M>];

/** The columns that can be looked up, as the cache keeps them. */
export function indexColumnsOf(model: TableModel): string[] {
  const single = (model.indexes ?? []).flatMap((columns) => (columns.length === 1 ? columns : []));
  return [...new Set([...single, ...(model.lookups ?? [])])];
}

/** Sets and maps travel as differences; a column of at most one element as its new value. */
export function isComposite(column: AnyColumn): boolean {
  return column.max > 1;
}
