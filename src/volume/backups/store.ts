// SQL of backups.
import type { Executor } from '#platform/sql/database.ts';
import { removeKeyOf } from '#volume/keys/store.ts';
import type { BackupRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function findBackup(db: Db, id: string): Promise<BackupRow | undefined> {
  return db.selectFrom('backups').selectAll().where('id', '=', id).executeTakeFirst();
}

/** `projectId` undefined: of every project. */
export async function listBackups(db: Db, projectId: string | undefined): Promise<BackupRow[]> {
  let query = db.selectFrom('backups').selectAll();
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  return query.execute();
}

/** Ids of the backups, of those given, that others build on. */
export async function listParents(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .selectFrom('backups')
    .select('parent_id')
    .distinct()
    .where('parent_id', 'in', ids)
    .execute();
  return new Set(rows.flatMap((row) => row.parent_id ?? []));
}

/** The newest usable backup of the volume, of what it was before `before`: what an incremental one builds on. */
export async function findLatestOf(
  db: Db,
  volume: { readonly volumeId: string; readonly projectId: string; readonly before: string },
): Promise<BackupRow | undefined> {
  return db
    .selectFrom('backups')
    .selectAll()
    .where('volume_id', '=', volume.volumeId)
    .where('project_id', '=', volume.projectId)
    .where('status', '=', 'available')
    .where('data_timestamp', '<=', volume.before)
    .orderBy('data_timestamp', 'desc')
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function insertBackup(db: Db, row: BackupRow): Promise<void> {
  await db.insertInto('backups').values(row).execute();
}

export async function updateBackup(
  db: Db,
  id: string,
  changes: Partial<Omit<BackupRow, 'id'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('backups')
    .set(changes)
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function removeBackup(db: Db, id: string): Promise<void> {
  await removeKeyOf(db, id);
  await db.deleteFrom('backups').where('id', '=', id).execute();
}

/** Whether another backup's data is this set: two records of one backup, one of them imported. */
export async function isDataShared(
  db: Db,
  { id, data_id }: Pick<BackupRow, 'id' | 'data_id'>,
): Promise<boolean> {
  const row = await db
    .selectFrom('backups')
    .select('id')
    .where('data_id', '=', data_id)
    .where('id', '!=', id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether a volume is being made from the backup. */
export async function isBeingRestored(db: Db, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('volumes')
    .select('id')
    .where('backup_id', '=', id)
    .where('lifecycle', 'in', ['creating', 'downloading', 'restoring-backup'])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Backends that may do what is to be done with a backup whose own is gone. */
export async function findAnyBackend(db: Db): Promise<string | undefined> {
  const row = await db
    .selectFrom('volume_services')
    .select('host')
    .where('binary', '=', 'cinder-volume')
    .orderBy('last_seen_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.host;
}

export async function hasBackend(db: Db, host: string): Promise<boolean> {
  const row = await db
    .selectFrom('volume_services')
    .select('id')
    .where('binary', '=', 'cinder-volume')
    .where('host', '=', host)
    .executeTakeFirst();
  return row !== undefined;
}
