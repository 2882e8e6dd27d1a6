// Small SQL that every store shares: conditions, id lists that cost one statement whatever their length, revisions.
import { sql, type RawBuilder } from 'kysely';
import type { Engine } from '#platform/sql/database.ts';
import type { NetworkTables, StandardColumns } from '../tables.ts';
import { NetworkError } from '../errors.ts';
import type { Sql } from './deps.ts';

export type Condition = RawBuilder<unknown>;
type TableName = keyof NetworkTables & string;
/** Tables of API resources. */
export type StandardTable = {
  [T in TableName]: NetworkTables[T] extends StandardColumns ? T : never;
}[TableName];

export const TRUE: Condition = sql`1 = 1`;

/** `column in (…)` as one parameter, so that the statement's text stays the same. */
export function inList(engine: Engine, column: string, values: readonly (string | number)[]): Condition {
  const json = JSON.stringify(values);
  const list =
    engine === 'sqlite'
      ? sql`(select value from json_each(${json}))`
      : typeof values[0] === 'number'
        ? sql`(select value::bigint from jsonb_array_elements_text(${json}::jsonb))`
        : sql`(select value from jsonb_array_elements_text(${json}::jsonb))`;
  return sql`${sql.ref(column)} in ${list}`;
}

export function equals(column: string, value: string | number): Condition {
  return sql`${sql.ref(column)} = ${value}`;
}

export function allOf(conditions: readonly Condition[]): Condition {
  return conditions.length === 0 ? TRUE : sql`${sql.join([...conditions], sql` and `)}`;
}

export async function selectRows<T extends TableName>(
  db: Sql,
  table: T,
  conditions: readonly Condition[],
): Promise<NetworkTables[T][]> {
  const { rows } = await sql<
    NetworkTables[T]
  >`select * from ${sql.table(table)} where ${allOf(conditions)}`.execute(db);
  return rows;
}

export async function selectColumns(
  db: Sql,
  table: TableName,
  columns: readonly string[],
  conditions: readonly Condition[],
): Promise<Array<Record<string, unknown>>> {
  const list = sql.join(columns.map((column) => sql.ref(column)));
  const { rows } = await sql<
    Record<string, unknown>
  >`select ${list} from ${sql.table(table)} where ${allOf(conditions)}`.execute(db);
  return rows;
}

export async function countRows(
  db: Sql,
  table: TableName,
  conditions: readonly Condition[],
): Promise<number> {
  const { rows } = await sql<{
    n: number;
  }>`select count(*) as n from ${sql.table(table)} where ${allOf(conditions)}`.execute(db);
  return Number(rows[0]?.n ?? 0);
}

export async function findRow<T extends StandardTable>(
  db: Sql,
  table: T,
  id: string,
): Promise<NetworkTables[T] | undefined> {
  const rows = await selectRows(db, table, [equals('id', id)]);
  return rows[0];
}

export async function insertRow<T extends TableName>(
  db: Sql,
  table: T,
  row: NetworkTables[T],
): Promise<void> {
  const entries = Object.entries(row);
  const columns = sql.join(entries.map(([name]) => sql.ref(name)));
  const values = sql.join(entries.map(([, value]) => sql`${value}`));
  await sql`insert into ${sql.table(table)} (${columns}) values (${values})`.execute(db);
}

export async function deleteRows(db: Sql, table: TableName, conditions: readonly Condition[]): Promise<void> {
  await sql`delete from ${sql.table(table)} where ${allOf(conditions)}`.execute(db);
}

/**
 * Changes columns of a resource and bumps its revision.
 * @throws NetworkError 409 when it is gone or another request changed it since `row` was read.
 */
export async function updateRow<T extends StandardTable>(
  db: Sql,
  table: T,
  row: NetworkTables[T],
  changes: Partial<NetworkTables[T]>,
  now: string,
): Promise<NetworkTables[T]> {
  const next = { ...changes, revision_number: row.revision_number + 1, updated_at: now };
  const set = sql.join(Object.entries(next).map(([name, value]) => sql`${sql.ref(name)} = ${value}`));
  const result =
    await sql`update ${sql.table(table)} set ${set} where id = ${row.id} and revision_number = ${row.revision_number}`.execute(
      db,
    );
  if (Number(result.numAffectedRows ?? 0) !== 1)
    throw new NetworkError(
      'conflict',
      'StaleRevision',
      `${table} ${row.id} was changed by another request at the same time. Read it again and retry.`,
    );
  return { ...row, ...next };
}

/** Bumps the revision of resources that changed through another (a router by its interface). */
export async function bumpRevision(db: Sql, table: StandardTable, id: string, now: string): Promise<void> {
  await sql`update ${sql.table(table)} set revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`.execute(
    db,
  );
}

export function newStandard(
  input: Readonly<Record<string, unknown>>,
  projectId: string,
  now: string,
): StandardColumns {
  return {
    id: crypto.randomUUID(),
    project_id: projectId,
    description: typeof input['description'] === 'string' ? input['description'] : '',
    revision_number: 0,
    created_at: now,
    updated_at: now,
  };
}
