// Holds a model against a server's schema file or get_schema reply: everything the model says must be said there.
// Used by tests of models.
import type { AnyColumn, Atom, TableModel, Tables } from './model.ts';

interface SchemaBase {
  type: string;
  enum?: unknown;
  minInteger?: number;
  maxInteger?: number;
  maxLength?: number;
  refTable?: string;
  refType?: string;
}
interface SchemaType {
  key: string | SchemaBase;
  value?: string | SchemaBase;
  min?: number;
  max?: number | 'unlimited';
}
interface SchemaColumn {
  type: string | SchemaType;
  ephemeral?: boolean;
  mutable?: boolean;
}
interface SchemaTable {
  columns: Record<string, SchemaColumn>;
  isRoot?: boolean;
  maxRows?: number;
  indexes?: string[][];
}
export interface Schema {
  name: string;
  version: string;
  tables: Record<string, SchemaTable>;
}

/** A model in the form of a schema, as get_schema answers it. References to tables outside of the model are plain uuids. */
export function schemaOf(name: string, version: string, tables: Tables): Schema {
  const schema: Schema = { name, version, tables: mapValues(tables, tableSchema) };
  for (const { columns } of Object.values(schema.tables)) {
    for (const { type } of Object.values(columns)) {
      for (const base of typeof type === 'string' ? [] : [type.key, type.value])
        dropUnknownTarget(base, tables);
    }
  }
  return schema;
}

function dropUnknownTarget(base: string | SchemaBase | undefined, tables: Tables): void {
  if (typeof base !== 'object' || base.refTable === undefined || Object.hasOwn(tables, base.refTable)) return;
  delete base.refTable;
  delete base.refType;
}

/** One line for each thing that the model says otherwise than the schema. Columns that the model lacks are no fault. */
export function differences(tables: Tables, schema: Schema): string[] {
  return Object.entries(tables).flatMap(([name, model]) => {
    const table = schema.tables[name];
    if (!table) return [`${name}: no such table`];
    const { columns, ...traits } = tableSchema(model);
    const ours = JSON.stringify(traits);
    const theirs = JSON.stringify(traitsOf(table));
    const faults = ours === theirs ? [] : [`${name}: ${ours} instead of ${theirs}`];
    for (const [columnName, column] of Object.entries(columns)) {
      const remote = table.columns[columnName];
      const expected = remote ? JSON.stringify(normal(remote)) : 'nothing';
      const said = JSON.stringify(normal(column));
      if (said !== expected) faults.push(`${name}.${columnName}: ${said} instead of ${expected}`);
    }
    return faults;
  });
}

function tableSchema(model: TableModel): SchemaTable {
  const { root, maxRows, indexes } = model;
  return {
    ...traitsOf({
      columns: {},
      ...(root ? { isRoot: true } : {}),
      ...(maxRows === undefined ? {} : { maxRows }),
      ...(indexes ? { indexes: indexes.map((columns) => [...columns]) } : {}),
    }),
    columns: mapValues(model.columns, columnSchema),
  };
}

function traitsOf({ isRoot, maxRows, indexes }: SchemaTable): Omit<SchemaTable, 'columns'> {
  const sorted = indexes?.map((columns) => [...columns].sort()).sort();
  return {
    ...(isRoot ? { isRoot } : {}),
    ...(maxRows === undefined ? {} : { maxRows }),
    ...(sorted ? { indexes: sorted } : {}),
  };
}

function columnSchema({ key, value, min, max, ephemeral, immutable }: AnyColumn): SchemaColumn {
  const type: SchemaType = {
    key: baseSchema(key),
    ...(value ? { value: baseSchema(value) } : {}),
    min,
    max: max === Infinity ? 'unlimited' : max,
  };
  return { type, ...(ephemeral ? { ephemeral } : {}), ...(immutable ? { mutable: false } : {}) };
}

function baseSchema({
  type,
  enum: values,
  minInteger,
  maxInteger,
  maxLength,
  refTable,
  refType,
}: Atom<unknown>): SchemaBase {
  return {
    type,
    ...(values ? { enum: ['set', values] } : {}),
    ...(minInteger === undefined ? {} : { minInteger }),
    ...(maxInteger === undefined ? {} : { maxInteger }),
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(refTable === undefined ? {} : { refTable }),
    ...(refType === undefined ? {} : { refType }),
  };
}

/** One notation for the several that a schema file may use. */
function normal({ type, ephemeral = false, mutable = true }: SchemaColumn): unknown {
  const { key, value, min = 1, max = 1 } = typeof type === 'string' ? { key: type } : type;
  return [normalBase(key), value === undefined ? null : normalBase(value), min, max, ephemeral, mutable];
}

function normalBase(base: string | SchemaBase): unknown {
  const {
    type,
    enum: values,
    minInteger,
    maxInteger,
    maxLength,
    refTable,
    refType,
  } = typeof base === 'string' ? { type: base } : base;
  const list =
    Array.isArray(values) && values[0] === 'set'
      ? (values[1] as string[])
      : values === undefined
        ? []
        : [values];
  return [
    type,
    [...list].sort(),
    minInteger,
    maxInteger,
    maxLength,
    refTable,
    refTable ? (refType ?? 'strong') : undefined,
  ];
}

function mapValues<A, B>(object: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}
