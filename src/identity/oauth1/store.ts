// All SQL of OAuth's consumers, request tokens and access tokens. Secrets are sealed: signatures need them as they were.
import type {
  AccessTokenRow,
  ConsumerRow,
  IdentityExecutor,
  OAuthRequestRow,
  RequestTokenRow,
} from '../database.ts';

export async function findConsumer(db: IdentityExecutor, id: string): Promise<ConsumerRow | undefined> {
  return db.selectFrom('oauth_consumers').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listConsumerRows(db: IdentityExecutor): Promise<ConsumerRow[]> {
  return db.selectFrom('oauth_consumers').selectAll().orderBy('id').execute();
}

export async function insertConsumer(db: IdentityExecutor, row: ConsumerRow): Promise<void> {
  await db.insertInto('oauth_consumers').values(row).execute();
}

export async function updateConsumer(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Pick<ConsumerRow, 'description' | 'extra'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('oauth_consumers').set(changes).where('id', '=', id).execute();
}

/** With all tokens that it has. */
export async function removeConsumer(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('oauth_request_tokens').where('consumer_id', '=', id).execute();
  await db.deleteFrom('oauth_access_tokens').where('consumer_id', '=', id).execute();
  await db.deleteFrom('oauth_consumers').where('id', '=', id).execute();
}

export async function findRequestToken(
  db: IdentityExecutor,
  id: string,
): Promise<RequestTokenRow | undefined> {
  return db.selectFrom('oauth_request_tokens').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Removes those that have expired. */
export async function insertRequestToken(
  db: IdentityExecutor,
  row: RequestTokenRow,
  now: string,
): Promise<void> {
  await db.deleteFrom('oauth_request_tokens').where('expires_at', '<', now).execute();
  await db.insertInto('oauth_request_tokens').values(row).execute();
}

export async function authorizeRequestToken(
  db: IdentityExecutor,
  id: string,
  changes: Pick<RequestTokenRow, 'verifier' | 'user_id' | 'roles'>,
): Promise<void> {
  await db.updateTable('oauth_request_tokens').set(changes).where('id', '=', id).execute();
}

/** False when it was used by another request in the meantime. */
export async function removeRequestToken(db: IdentityExecutor, id: string): Promise<boolean> {
  const result = await db.deleteFrom('oauth_request_tokens').where('id', '=', id).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

type AccessTokenFilter = Partial<Pick<AccessTokenRow, 'id' | 'user_id' | 'project_id'>>;

export async function listAccessTokenRows(
  db: IdentityExecutor,
  filter: AccessTokenFilter,
): Promise<AccessTokenRow[]> {
  let query = db.selectFrom('oauth_access_tokens').selectAll().orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof AccessTokenFilter, '=', value);
  }
  return query.execute();
}

export async function insertAccessToken(db: IdentityExecutor, row: AccessTokenRow): Promise<void> {
  await db.insertInto('oauth_access_tokens').values(row).execute();
}

export async function removeAccessTokens(db: IdentityExecutor, filter: AccessTokenFilter): Promise<void> {
  let query = db.deleteFrom('oauth_access_tokens');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof AccessTokenFilter, '=', value);
  }
  await query.execute();
}

/** Removes those whose time has passed. @returns false when it is there */
export async function insertRequest(
  db: IdentityExecutor,
  row: OAuthRequestRow,
  now: number,
): Promise<boolean> {
  await db.deleteFrom('oauth_requests').where('forget_at', '<=', now).execute();
  const result = await db
    .insertInto('oauth_requests')
    .values(row)
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}
