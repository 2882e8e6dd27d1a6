// SQL of groups, the types that they allow, and their members.
import type { Executor } from '#platform/sql/database.ts';
import { CONSISTENCY_GROUP_TYPE } from '#volume/group_types/store.ts';
import type { GroupRow, VolumeRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function findGroupRow(db: Db, id: string): Promise<GroupRow | undefined> {
  return db.selectFrom('volume_groups').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findGroupOfVolume(db: Db, volumeId: string): Promise<GroupRow | undefined> {
  return db
    .selectFrom('volume_groups')
    .innerJoin('group_members', 'group_members.group_id', 'volume_groups.id')
    .selectAll('volume_groups')
    .where('group_members.volume_id', '=', volumeId)
    .executeTakeFirst();
}

/** Volume → its group, and whether that is a consistency group. */
export async function listGroupsOf(
  db: Db,
  volumeIds: readonly string[],
): Promise<ReadonlyMap<string, { readonly id: string; readonly consistency: boolean }>> {
  const rows = await db
    .selectFrom('group_members')
    .innerJoin('volume_groups', 'volume_groups.id', 'group_members.group_id')
    .leftJoin('group_types', 'group_types.id', 'volume_groups.group_type_id')
    .select(['group_members.volume_id', 'group_members.group_id', 'group_types.name'])
    .where('group_members.volume_id', 'in', volumeIds)
    .execute();
  return new Map(
    rows.map(({ volume_id, group_id, name }) => [
      volume_id,
      { id: group_id, consistency: name === CONSISTENCY_GROUP_TYPE },
    ]),
  );
}

/** Undefined project: of all. */
export async function listGroupRows(db: Db, projectId: string | undefined): Promise<GroupRow[]> {
  let query = db.selectFrom('volume_groups').selectAll();
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  return query.execute();
}

export async function listUnsettledGroups(db: Db): Promise<GroupRow[]> {
  return db.selectFrom('volume_groups').selectAll().where('status', 'in', ['creating', 'deleting']).execute();
}

export async function insertGroup(trx: Db, row: GroupRow, typeIds: readonly string[]): Promise<void> {
  await trx.insertInto('volume_groups').values(row).execute();
  for (const volume_type_id of typeIds)
    await trx.insertInto('group_volume_types').values({ group_id: row.id, volume_type_id }).execute();
}

export async function updateGroup(db: Db, id: string, changes: Partial<Omit<GroupRow, 'id'>>): Promise<void> {
  await db.updateTable('volume_groups').set(changes).where('id', '=', id).execute();
}

export async function removeGroup(trx: Db, id: string): Promise<void> {
  for (const table of ['group_volume_types', 'group_members'] as const)
    await trx.deleteFrom(table).where('group_id', '=', id).execute();
  await trx.deleteFrom('volume_groups').where('id', '=', id).execute();
}

/** Group → ids of its volume types. */
export async function listGroupVolumeTypes(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string[]>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('group_volume_types')
    .selectAll()
    .where('group_id', 'in', ids)
    .orderBy('volume_type_id')
    .execute();
  const byGroup = Map.groupBy(rows, ({ group_id }) => group_id);
  return new Map([...byGroup].map(([id, each]) => [id, each.map((row) => row.volume_type_id)]));
}

/** Group → ids of its volumes. */
export async function listMemberIds(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('group_members')
    .selectAll()
    .where('group_id', 'in', ids)
    .orderBy('volume_id')
    .execute();
  const byGroup = Map.groupBy(rows, ({ group_id }) => group_id);
  return new Map([...byGroup].map(([id, each]) => [id, each.map((row) => row.volume_id)]));
}

export async function listMembers(db: Db, id: string): Promise<VolumeRow[]> {
  return db
    .selectFrom('volumes')
    .innerJoin('group_members', 'group_members.volume_id', 'volumes.id')
    .selectAll('volumes')
    .where('group_members.group_id', '=', id)
    .orderBy('volumes.created_at')
    .orderBy('volumes.id')
    .execute();
}

/** A volume that is in a group already violates the unique index. */
export async function insertMember(trx: Db, groupId: string, volumeId: string): Promise<void> {
  await trx.insertInto('group_members').values({ group_id: groupId, volume_id: volumeId }).execute();
}

export async function removeMember(trx: Db, volumeId: string): Promise<void> {
  await trx.deleteFrom('group_members').where('volume_id', '=', volumeId).execute();
}

export async function hasGroupSnapshots(db: Db, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('group_snapshots')
    .select('id')
    .where('group_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
