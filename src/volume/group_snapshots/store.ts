// SQL of group snapshots and their members.
import type { Executor } from '#platform/sql/database.ts';
import type { GroupSnapshotRow, SnapshotRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function findGroupSnapshotRow(db: Db, id: string): Promise<GroupSnapshotRow | undefined> {
  return db.selectFrom('group_snapshots').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Undefined project: of all. */
export async function listGroupSnapshotRows(
  db: Db,
  projectId: string | undefined,
): Promise<GroupSnapshotRow[]> {
  let query = db.selectFrom('group_snapshots').selectAll();
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  return query.execute();
}

export async function listUnsettledGroupSnapshots(db: Db): Promise<GroupSnapshotRow[]> {
  return db
    .selectFrom('group_snapshots')
    .selectAll()
    .where('status', 'in', ['creating', 'deleting'])
    .execute();
}

export async function insertGroupSnapshot(trx: Db, row: GroupSnapshotRow): Promise<void> {
  await trx.insertInto('group_snapshots').values(row).execute();
}

export async function insertMemberSnapshot(trx: Db, id: string, snapshotId: string): Promise<void> {
  await trx
    .insertInto('group_snapshot_members')
    .values({ group_snapshot_id: id, snapshot_id: snapshotId })
    .execute();
}

export async function updateGroupSnapshot(
  db: Db,
  id: string,
  changes: Partial<Omit<GroupSnapshotRow, 'id'>>,
): Promise<void> {
  await db.updateTable('group_snapshots').set(changes).where('id', '=', id).execute();
}

export async function removeGroupSnapshot(trx: Db, id: string): Promise<void> {
  await trx.deleteFrom('group_snapshot_members').where('group_snapshot_id', '=', id).execute();
  await trx.deleteFrom('group_snapshots').where('id', '=', id).execute();
}

export async function listMemberSnapshots(db: Db, id: string): Promise<SnapshotRow[]> {
  return db
    .selectFrom('snapshots')
    .innerJoin('group_snapshot_members', 'group_snapshot_members.snapshot_id', 'snapshots.id')
    .selectAll('snapshots')
    .where('group_snapshot_members.group_snapshot_id', '=', id)
    .orderBy('snapshots.created_at')
    .orderBy('snapshots.id')
    .execute();
}

/** A group is being made of it. */
export async function isBeingCloned(db: Db, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('volume_groups')
    .select('id')
    .where('group_snapshot_id', '=', id)
    .where('status', '=', 'creating')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
