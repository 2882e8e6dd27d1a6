// All SQL of users, their passwords and their history.
import type { IdentityExecutor, PasswordHistoryRow, UserRow } from '../database.ts';

export async function findUser(db: IdentityExecutor, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findUserByName(
  db: IdentityExecutor,
  name: string,
  domainId: string,
): Promise<UserRow | undefined> {
  return db
    .selectFrom('users')
    .selectAll()
    .where('name', '=', name)
    .where('domain_id', '=', domainId)
    .executeTakeFirst();
}

export type UserFilter = Partial<Pick<UserRow, 'name' | 'domain_id' | 'enabled'>>;

export async function listUserRows(db: IdentityExecutor, filter: UserFilter): Promise<UserRow[]> {
  let query = db.selectFrom('users').selectAll().orderBy('name').orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof UserFilter, '=', value);
  }
  return query.execute();
}

export async function listUsersByIds(db: IdentityExecutor, ids: readonly string[]): Promise<UserRow[]> {
  if (ids.length === 0) return [];
  return db.selectFrom('users').selectAll().where('id', 'in', ids).orderBy('name').execute();
}

export async function insertUser(db: IdentityExecutor, row: UserRow): Promise<void> {
  await db.insertInto('users').values(row).execute();
}

export async function updateUser(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<UserRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('users').set(changes).where('id', '=', id).execute();
}

export async function removeUser(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('password_history').where('user_id', '=', id).execute();
  await db.deleteFrom('users').where('id', '=', id).execute();
}

/** Users who made it their default: they get unscoped tokens from now on. */
export async function forgetDefaultProject(db: IdentityExecutor, projectId: string): Promise<void> {
  await db
    .updateTable('users')
    .set({ default_project_id: null })
    .where('default_project_id', '=', projectId)
    .execute();
}

export async function listPasswordHistory(
  db: IdentityExecutor,
  userId: string,
): Promise<PasswordHistoryRow[]> {
  return db
    .selectFrom('password_history')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at', 'desc')
    .execute();
}

export async function insertPasswordHistory(db: IdentityExecutor, row: PasswordHistoryRow): Promise<void> {
  await db.insertInto('password_history').values(row).execute();
}
