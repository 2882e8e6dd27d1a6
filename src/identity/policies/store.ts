// All SQL of policies: texts that services may fetch; identity keeps them and reads nothing in them.
import type { IdentityExecutor, PolicyRow } from '../database.ts';

export async function findPolicy(db: IdentityExecutor, id: string): Promise<PolicyRow | undefined> {
  return db.selectFrom('policies').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listPolicyRows(db: IdentityExecutor, filter: { type?: string }): Promise<PolicyRow[]> {
  const query = db.selectFrom('policies').selectAll().orderBy('id');
  return (filter.type === undefined ? query : query.where('type', '=', filter.type)).execute();
}

export async function insertPolicy(db: IdentityExecutor, row: PolicyRow): Promise<void> {
  await db.insertInto('policies').values(row).execute();
}

export async function updatePolicy(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<PolicyRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('policies').set(changes).where('id', '=', id).execute();
}

export async function removePolicy(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('policies').where('id', '=', id).execute();
}
