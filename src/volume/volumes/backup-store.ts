// The backup that a volume is made from.
import type { Executor } from '#platform/sql/database.ts';
import type { BackupRow, VolumeTables } from '#volume/tables.ts';

export async function findBackupRow(db: Executor<VolumeTables>, id: string): Promise<BackupRow | undefined> {
  return db.selectFrom('backups').selectAll().where('id', '=', id).executeTakeFirst();
}
