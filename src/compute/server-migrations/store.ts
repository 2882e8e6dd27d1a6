// All SQL of the table `migrations`. Called by the handlers, the scheduler, the conductor and the loops.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { MigrationRow, MigrationStatus } from './tables.ts';
import { sql } from 'kysely';

/** Statuses after which nothing more happens, and in which the row holds no resources. */
export const ENDED: readonly MigrationStatus[] = [
  'confirmed',
  'reverted',
  'completed',
  'cancelled',
  'failed',
  'error',
  'done',
];

/** @returns the row with its number. Call it within a transaction. */
export async function insertMigration(
  trx: ComputeExecutor,
  row: Omit<MigrationRow, 'id'>,
): Promise<MigrationRow> {
  const { next } = await trx
    .selectFrom('migrations')
    .select(sql<number>`coalesce(max(id), 0) + 1`.as('next'))
    .executeTakeFirstOrThrow();
  const numbered = { ...row, id: Number(next) };
  await trx.insertInto('migrations').values(numbered).execute();
  return numbered;
}

export async function findMigration(db: ComputeExecutor, uuid: string): Promise<MigrationRow | undefined> {
  return db.selectFrom('migrations').selectAll().where('uuid', '=', uuid).executeTakeFirst();
}

export const isMigrationNumber = (text: string): boolean => /^\d{1,15}$/.test(text);

/** @param number what clients call it: anything they write */
export async function findMigrationOf(
  db: ComputeExecutor,
  instanceId: string,
  number: string,
): Promise<MigrationRow | undefined> {
  if (!isMigrationNumber(number)) return undefined;
  return db
    .selectFrom('migrations')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .where('id', '=', Number(number))
    .executeTakeFirst();
}

/** The server's move that has not ended: one at most. */
export async function findOpenMigration(
  db: ComputeExecutor,
  instanceId: string,
): Promise<MigrationRow | undefined> {
  return db
    .selectFrom('migrations')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .where('status', 'not in', ENDED)
    .orderBy('id', 'desc')
    .executeTakeFirst();
}

/** Moves that have not ended and concern the host: as where they come from or where they go. */
export async function listOpenMigrationsOf(db: ComputeExecutor, host: string): Promise<MigrationRow[]> {
  return db
    .selectFrom('migrations')
    .selectAll()
    .where('status', 'not in', ENDED)
    .where((eb) => eb.or([eb('source_compute', '=', host), eb('dest_compute', '=', host)]))
    .execute();
}

/** Evacuations that are done and whose old host has not cleaned up. */
export async function listEvacuatedFrom(db: ComputeExecutor, host: string): Promise<MigrationRow[]> {
  return db
    .selectFrom('migrations')
    .selectAll()
    .where('migration_type', '=', 'evacuation')
    .where('status', '=', 'done')
    .where('source_compute', '=', host)
    .execute();
}

export async function updateMigration(
  db: ComputeExecutor,
  uuid: string,
  changes: Partial<MigrationRow>,
  now: string,
): Promise<void> {
  await db
    .updateTable('migrations')
    .set({ ...changes, updated_at: now })
    .where('uuid', '=', uuid)
    .execute();
}

/** Statuses of a live migration that goes on. */
export const IN_PROGRESS: readonly MigrationStatus[] = ['queued', 'preparing', 'running', 'post-migrating'];

export async function listLiveMigrations(db: ComputeExecutor, instanceId: string): Promise<MigrationRow[]> {
  return db
    .selectFrom('migrations')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .where('migration_type', '=', 'live-migration')
    .where('status', 'in', IN_PROGRESS)
    .orderBy('id')
    .execute();
}

export interface MigrationFilter {
  /** As the one that is left or the one that is gone to. */
  readonly host: string | undefined;
  readonly equal: Readonly<
    Partial<
      Record<
        'instance_id' | 'source_compute' | 'status' | 'migration_type' | 'user_id' | 'project_id',
        string | undefined
      >
    >
  >;
  readonly since: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
  readonly marker: MigrationRow | undefined;
}

/** The newest first. */
export async function listMigrations(db: ComputeExecutor, filter: MigrationFilter): Promise<MigrationRow[]> {
  const changed = sql<string>`coalesce(updated_at, created_at)`;
  let query = db.selectFrom('migrations').selectAll();
  const { host, since, before, marker } = filter;
  if (host !== undefined)
    query = query.where((eb) => eb.or([eb('source_compute', '=', host), eb('dest_compute', '=', host)]));
  for (const [column, value] of Object.entries(filter.equal))
    if (value !== undefined) query = query.where(sql.ref(column), '=', value);
  if (since !== undefined) query = query.where(changed, '>=', since);
  if (before !== undefined) query = query.where(changed, '<=', before);
  if (marker) query = query.where('id', '<', marker.id);
  return query.orderBy('id', 'desc').limit(filter.limit).execute();
}

/** Resizes and migrations that are done since before `before` and wait to be confirmed. */
export async function listUnconfirmedMigrations(
  db: ComputeExecutor,
  before: string,
): Promise<MigrationRow[]> {
  return db
    .selectFrom('migrations')
    .selectAll()
    .where('status', '=', 'finished')
    .where('updated_at', '<', before)
    .execute();
}
