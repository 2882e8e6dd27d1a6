// All SQL of the table `migrations`. Called by the handlers, the scheduler, the conductor and the loops.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { MigrationRow, MigrationStatus } from '#compute/tables.ts';
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
