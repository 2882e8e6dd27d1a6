// SQL of transfers of volumes between projects.
import type { Executor } from '#platform/sql/database.ts';
import type { TransferRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

/** `projectId` undefined: of every project. Accepted ones are history and not listed. */
export async function listTransfers(db: Db, projectId: string | undefined): Promise<TransferRow[]> {
  let query = db.selectFrom('transfers').selectAll().where('accepted', '=', 0);
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  return query.execute();
}

export async function findTransfer(db: Db, id: string): Promise<TransferRow | undefined> {
  return db
    .selectFrom('transfers')
    .selectAll()
    .where('id', '=', id)
    .where('accepted', '=', 0)
    .executeTakeFirst();
}

export async function insertTransfer(db: Db, row: TransferRow): Promise<void> {
  await db.insertInto('transfers').values(row).execute();
}

/** False when it is gone, or somebody accepted it meanwhile. */
export async function removeTransfer(db: Db, id: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('transfers')
    .where('id', '=', id)
    .where('accepted', '=', 0)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** False when somebody was faster. */
export async function markAccepted(db: Db, id: string, destinationProjectId: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('transfers')
    .set({ accepted: 1, destination_project_id: destinationProjectId })
    .where('id', '=', id)
    .where('accepted', '=', 0)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Gives the volume's snapshots to a project and user; those that the service made for itself as well. */
export async function moveSnapshots(
  db: Db,
  volumeId: string,
  owner: { readonly project_id: string; readonly user_id: string },
): Promise<void> {
  await db.updateTable('snapshots').set(owner).where('volume_id', '=', volumeId).execute();
}

/** GiB and number of the snapshots that count against a quota. */
export async function sumSnapshotsOf(
  db: Db,
  volumeId: string,
): Promise<{ number: number; gigabytes: number; busy: number }> {
  const rows = await db
    .selectFrom('snapshots')
    .select(['volume_size', 'status'])
    .where('volume_id', '=', volumeId)
    .where('internal', '=', 0)
    .execute();
  return {
    number: rows.length,
    gigabytes: rows.reduce((sum, row) => sum + row.volume_size, 0),
    busy: rows.filter((row) => row.status !== 'available').length,
  };
}
