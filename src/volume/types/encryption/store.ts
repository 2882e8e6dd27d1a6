// SQL of the encryption of volume types.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeTables, VolumeTypeEncryptionRow } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function findEncryption(db: Db, typeId: string): Promise<VolumeTypeEncryptionRow | undefined> {
  return db
    .selectFrom('volume_type_encryption')
    .selectAll()
    .where('volume_type_id', '=', typeId)
    .executeTakeFirst();
}

export async function insertEncryption(db: Db, row: VolumeTypeEncryptionRow): Promise<void> {
  await db.insertInto('volume_type_encryption').values(row).execute();
}

export async function updateEncryption(
  db: Db,
  typeId: string,
  changes: Partial<Omit<VolumeTypeEncryptionRow, 'volume_type_id' | 'id' | 'created_at'>>,
): Promise<void> {
  await db.updateTable('volume_type_encryption').set(changes).where('volume_type_id', '=', typeId).execute();
}

export async function removeEncryption(db: Db, typeId: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('volume_type_encryption')
    .where('volume_type_id', '=', typeId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
