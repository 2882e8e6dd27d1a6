// All SQL of application credentials and of their ties to access rules.
import type { AccessRuleRow, ApplicationCredentialRow, IdentityExecutor } from '../database.ts';

export async function findApplicationCredential(
  db: IdentityExecutor,
  id: string,
): Promise<ApplicationCredentialRow | undefined> {
  return db.selectFrom('application_credentials').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findApplicationCredentialByName(
  db: IdentityExecutor,
  name: string,
  userId: string,
): Promise<ApplicationCredentialRow | undefined> {
  return db
    .selectFrom('application_credentials')
    .selectAll()
    .where('name', '=', name)
    .where('user_id', '=', userId)
    .executeTakeFirst();
}

export async function listApplicationCredentials(
  db: IdentityExecutor,
  filter: Partial<Pick<ApplicationCredentialRow, 'user_id' | 'project_id' | 'name'>>,
): Promise<ApplicationCredentialRow[]> {
  let query = db.selectFrom('application_credentials').selectAll().orderBy('name');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as 'user_id' | 'project_id' | 'name', '=', value);
  }
  return query.execute();
}

export async function insertApplicationCredential(
  db: IdentityExecutor,
  row: ApplicationCredentialRow,
  accessRuleIds: readonly string[],
): Promise<void> {
  await db.insertInto('application_credentials').values(row).execute();
  if (accessRuleIds.length === 0) return;
  await db
    .insertInto('credential_access_rules')
    .values(accessRuleIds.map((id) => ({ application_credential_id: row.id, access_rule_id: id })))
    .execute();
}

/** Returns the ids of those removed. */
export async function removeApplicationCredentials(
  db: IdentityExecutor,
  filter: Partial<Pick<ApplicationCredentialRow, 'id' | 'user_id' | 'project_id'>>,
): Promise<string[]> {
  let query = db.selectFrom('application_credentials').select('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as 'id' | 'user_id' | 'project_id', '=', value);
  }
  const ids = (await query.execute()).map((row) => row.id);
  if (ids.length === 0) return [];
  await db.deleteFrom('credential_access_rules').where('application_credential_id', 'in', ids).execute();
  await db.deleteFrom('application_credentials').where('id', 'in', ids).execute();
  return ids;
}

export type BoundRule = AccessRuleRow & { readonly application_credential_id: string };

/** The access rules of each of `credentialIds`. */
export async function listRulesOfCredentials(
  db: IdentityExecutor,
  credentialIds: readonly string[],
): Promise<BoundRule[]> {
  if (credentialIds.length === 0) return [];
  return db
    .selectFrom('access_rules')
    .innerJoin('credential_access_rules', 'credential_access_rules.access_rule_id', 'access_rules.id')
    .selectAll('access_rules')
    .select('credential_access_rules.application_credential_id')
    .where('credential_access_rules.application_credential_id', 'in', credentialIds)
    .execute();
}
