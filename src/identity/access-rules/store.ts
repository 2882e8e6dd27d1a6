// All SQL of access rules, which restrict application credentials to some requests.
import type { AccessRuleRow, IdentityExecutor } from '../database.ts';

export async function findAccessRule(db: IdentityExecutor, id: string): Promise<AccessRuleRow | undefined> {
  return db.selectFrom('access_rules').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listAccessRulesOfUser(db: IdentityExecutor, userId: string): Promise<AccessRuleRow[]> {
  return db.selectFrom('access_rules').selectAll().where('user_id', '=', userId).orderBy('id').execute();
}

export async function insertAccessRule(db: IdentityExecutor, row: AccessRuleRow): Promise<void> {
  await db.insertInto('access_rules').values(row).execute();
}

export async function isAccessRuleUsed(db: IdentityExecutor, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('credential_access_rules')
    .select('access_rule_id')
    .where('access_rule_id', '=', id)
    .executeTakeFirst();
  return row !== undefined;
}

export async function removeAccessRule(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('access_rules').where('id', '=', id).execute();
}

export async function removeAccessRulesOfUser(db: IdentityExecutor, userId: string): Promise<void> {
  await db.deleteFrom('access_rules').where('user_id', '=', userId).execute();
}
