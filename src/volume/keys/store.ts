// SQL of encryption keys. A key has one owner, an encrypted volume or a backup of one, and comes and goes in the transaction
// in which its owner does: none is left over, and none is missing. A volume's snapshots open with the volume's.
import type { Executor } from '#platform/sql/database.ts';
import type { EncryptionKeyRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function insertKey(trx: Db, row: EncryptionKeyRow): Promise<void> {
  await trx.insertInto('encryption_keys').values(row).execute();
}

export async function findKey(db: Db, id: string): Promise<EncryptionKeyRow | undefined> {
  return db.selectFrom('encryption_keys').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findKeyOf(db: Db, ownerId: string): Promise<EncryptionKeyRow | undefined> {
  return db.selectFrom('encryption_keys').selectAll().where('owner_id', '=', ownerId).executeTakeFirst();
}

/** Owner → id of its key. */
export async function listKeyIds(db: Db, ownerIds: readonly string[]): Promise<Map<string, string>> {
  if (ownerIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('encryption_keys')
    .select(['id', 'owner_id'])
    .where('owner_id', 'in', ownerIds)
    .execute();
  return new Map(rows.map(({ id, owner_id }) => [owner_id, id]));
}

export async function removeKeyOf(trx: Db, ownerId: string): Promise<void> {
  await trx.deleteFrom('encryption_keys').where('owner_id', '=', ownerId).execute();
}

/** Owner of the key that a volume gets when it has been encrypted anew. */
const nextOf = (volumeId: string): string => `next-of-${volumeId}`;

export async function findNextKey(db: Db, volumeId: string): Promise<EncryptionKeyRow | undefined> {
  return findKeyOf(db, nextOf(volumeId));
}

/** What a retype begins with: nothing is left of an earlier one. */
export async function setNextKey(
  trx: Db,
  volumeId: string,
  key: EncryptionKeyRow | undefined,
): Promise<void> {
  await removeKeyOf(trx, nextOf(volumeId));
  if (key) await insertKey(trx, { ...key, owner_id: nextOf(volumeId) });
}

/** The volume has been encrypted anew, or is not encrypted any more: what opened it before goes. */
export async function adoptNextKey(trx: Db, volumeId: string): Promise<void> {
  await removeKeyOf(trx, volumeId);
  await trx
    .updateTable('encryption_keys')
    .set({ owner_id: volumeId })
    .where('owner_id', '=', nextOf(volumeId))
    .execute();
}

/** In the place of the one it had, if it had one. */
export async function replaceKeyOf(trx: Db, row: EncryptionKeyRow): Promise<void> {
  await removeKeyOf(trx, row.owner_id);
  await insertKey(trx, row);
}
