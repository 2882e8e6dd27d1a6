// All SQL of tasks: imports that run off their request, or have run.
import { sql } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import type { ImageTables, ImageTaskRow, TaskStatus } from '../tables.ts';

type Db = Executor<ImageTables>;

export interface TaskQuery {
  readonly type?: string;
  readonly status?: string;
  readonly owner?: string;
  readonly after?: ImageTaskRow;
  readonly sort: { readonly column: TaskSortColumn; readonly dir: 'asc' | 'desc' };
  readonly limit: number;
}

export const TASK_SORT_COLUMNS = ['id', 'type', 'status', 'expires_at', 'created_at', 'updated_at'] as const;
export type TaskSortColumn = (typeof TASK_SORT_COLUMNS)[number];

export async function insertTask(db: Db, row: ImageTaskRow): Promise<void> {
  await db.insertInto('image_tasks').values(row).execute();
}

export async function findTask(db: Db, id: string): Promise<ImageTaskRow | undefined> {
  return db.selectFrom('image_tasks').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listTasksOf(db: Db, imageId: string): Promise<ImageTaskRow[]> {
  return db
    .selectFrom('image_tasks')
    .selectAll()
    .where('image_id', '=', imageId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

export async function listTasks(
  db: Db,
  { type, status, owner, after, sort, limit }: TaskQuery,
): Promise<ImageTaskRow[]> {
  let select = db.selectFrom('image_tasks').selectAll();
  if (type !== undefined) select = select.where('type', '=', type);
  if (status !== undefined) select = select.where('status', '=', status as TaskStatus);
  if (owner !== undefined) select = select.where('owner', '=', owner);
  const column = sql<string>`coalesce(${sql.ref(sort.column)}, '')`; // only expires_at can be null
  if (after) {
    const op = sort.dir === 'asc' ? sql`>` : sql`<`;
    const value = after[sort.column] ?? '';
    select = select.where(
      sql<boolean>`(${column} ${op} ${value} or (${column} = ${value} and id ${op} ${after.id}))`,
    );
  }
  return select.orderBy(column, sort.dir).orderBy('id', sort.dir).limit(limit).execute();
}

/** Tasks that nobody runs: not begun, or begun by somebody whose lease is over at `now` (`null`: whoever it was is gone). */
export async function listRunnable(db: Db, now: string | null, limit: number): Promise<ImageTaskRow[]> {
  let select = db.selectFrom('image_tasks').selectAll().where('status', 'in', ['pending', 'processing']);
  if (now !== null) select = select.where((e) => e.or([e('lease', 'is', null), e('lease', '<', now)]));
  return select.orderBy('created_at').orderBy('id').limit(limit).execute();
}

/** Takes a task to run, or keeps it. @param before the lease that it is known to have @returns whether it still had it */
export async function leaseTask(
  db: Db,
  id: string,
  before: string | null,
  set: Pick<ImageTaskRow, 'lease'> & Partial<Pick<ImageTaskRow, 'status' | 'updated_at'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('image_tasks')
    .set(set)
    .where('id', '=', id)
    .where('status', 'in', ['pending', 'processing'])
    .where('lease', before === null ? 'is' : '=', before)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Only once. @returns whether it had not ended */
export async function endTask(
  db: Db,
  id: string,
  set: Pick<ImageTaskRow, 'status' | 'message' | 'result_json' | 'expires_at' | 'updated_at'>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('image_tasks')
    .set({ ...set, lease: null })
    .where('id', '=', id)
    .where('status', 'in', ['pending', 'processing'])
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** With their sagas' logs. @returns how many */
export async function removeExpiredTasks(trx: Db, now: string): Promise<number> {
  const rows = await trx
    .selectFrom('image_tasks')
    .select('id')
    .where('expires_at', '<', now)
    .limit(500)
    .execute();
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return 0;
  await trx.deleteFrom('saga_steps').where('saga_id', 'in', ids).execute();
  await trx.deleteFrom('image_tasks').where('id', 'in', ids).execute();
  return ids.length;
}

/** Whoever ran tasks is gone: they go on at once. */
export async function releaseTasks(db: Db): Promise<void> {
  await db.updateTable('image_tasks').set({ lease: null }).where('lease', 'is not', null).execute();
}
