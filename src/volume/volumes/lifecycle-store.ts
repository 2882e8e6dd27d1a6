// Writes what has become of a volume, where nothing else was begun with it meanwhile.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeLifecycle, VolumeRow, VolumeTables } from '#volume/tables.ts';

/** Only while the lifecycle is one of `from`: an administrator's word or a forced deletion stays. */
export async function settleVolume(
  trx: Executor<VolumeTables>,
  id: string,
  from: readonly VolumeLifecycle[],
  changes: Partial<Omit<VolumeRow, 'id'>> & { readonly lifecycle: VolumeLifecycle },
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('volumes')
    .set(changes)
    .where('id', '=', id)
    .where('lifecycle', 'in', from)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
