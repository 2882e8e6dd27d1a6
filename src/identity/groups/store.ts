// All SQL of groups and their members.
import type { GroupRow, IdentityExecutor, UserRow } from '../database.ts';

export async function findGroup(db: IdentityExecutor, id: string): Promise<GroupRow | undefined> {
  return db.selectFrom('groups').selectAll().where('id', '=', id).executeTakeFirst();
}

export type GroupFilter = Partial<Pick<GroupRow, 'name' | 'domain_id'>>;

export async function listGroupRows(db: IdentityExecutor, filter: GroupFilter): Promise<GroupRow[]> {
  let query = db.selectFrom('groups').selectAll().orderBy('name').orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof GroupFilter, '=', value);
  }
  return query.execute();
}

export async function insertGroup(db: IdentityExecutor, row: GroupRow): Promise<void> {
  await db.insertInto('groups').values(row).execute();
}

export async function updateGroup(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<GroupRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('groups').set(changes).where('id', '=', id).execute();
}

export async function removeGroup(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('group_members').where('group_id', '=', id).execute();
  await db.deleteFrom('groups').where('id', '=', id).execute();
}

export async function listGroupsOfUser(db: IdentityExecutor, userId: string): Promise<GroupRow[]> {
  return db
    .selectFrom('groups')
    .innerJoin('group_members', 'group_members.group_id', 'groups.id')
    .selectAll('groups')
    .where('group_members.user_id', '=', userId)
    .orderBy('groups.name')
    .execute();
}

export async function listMembers(db: IdentityExecutor, groupId: string): Promise<UserRow[]> {
  return db
    .selectFrom('users')
    .innerJoin('group_members', 'group_members.user_id', 'users.id')
    .selectAll('users')
    .where('group_members.group_id', '=', groupId)
    .orderBy('users.name')
    .execute();
}

/** Members of each of `groupIds`, as pairs. */
export async function listMemberships(
  db: IdentityExecutor,
  groupIds: readonly string[],
): Promise<Array<{ group_id: string; user_id: string }>> {
  if (groupIds.length === 0) return [];
  return db.selectFrom('group_members').selectAll().where('group_id', 'in', groupIds).execute();
}

export async function isMember(db: IdentityExecutor, groupId: string, userId: string): Promise<boolean> {
  const row = await db
    .selectFrom('group_members')
    .select('user_id')
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Idempotent. */
export async function insertMember(db: IdentityExecutor, groupId: string, userId: string): Promise<void> {
  await db
    .insertInto('group_members')
    .values({ group_id: groupId, user_id: userId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** False when the user was no member. */
export async function removeMember(db: IdentityExecutor, groupId: string, userId: string): Promise<boolean> {
  const result = await db
    .deleteFrom('group_members')
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}

export async function removeMembershipsOfUser(db: IdentityExecutor, userId: string): Promise<void> {
  await db.deleteFrom('group_members').where('user_id', '=', userId).execute();
}
