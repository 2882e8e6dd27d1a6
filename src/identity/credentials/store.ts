// All SQL of credentials: secrets that users keep with identity, encrypted.
import type { CredentialRow, IdentityExecutor } from '../database.ts';

export async function findCredential(db: IdentityExecutor, id: string): Promise<CredentialRow | undefined> {
  return db.selectFrom('credentials').selectAll().where('id', '=', id).executeTakeFirst();
}

type CredentialFilter = Partial<Pick<CredentialRow, 'user_id' | 'project_id' | 'type'>>;

export async function listCredentialRows(
  db: IdentityExecutor,
  filter: CredentialFilter,
): Promise<CredentialRow[]> {
  let query = db.selectFrom('credentials').selectAll().orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof CredentialFilter, '=', value);
  }
  return query.execute();
}

export async function insertCredential(db: IdentityExecutor, row: CredentialRow): Promise<void> {
  await db.insertInto('credentials').values(row).execute();
}

export async function updateCredential(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<CredentialRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('credentials').set(changes).where('id', '=', id).execute();
}

export async function removeCredentials(
  db: IdentityExecutor,
  filter: Partial<Pick<CredentialRow, 'id' | 'user_id' | 'project_id'>>,
): Promise<void> {
  let query = db.deleteFrom('credentials');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as 'id' | 'user_id' | 'project_id', '=', value);
  }
  await query.execute();
}
