// All SQL of policies: texts that services may fetch; identity keeps them and reads nothing in them.
import type { IdentityExecutor, PolicyAssociationRow, PolicyRow } from '../database.ts';

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

/** With its associations. */
export async function removePolicy(db: IdentityExecutor, id: string): Promise<void> {
  await removeAssociations(db, { policy_id: id });
  await db.deleteFrom('policies').where('id', '=', id).execute();
}

/** Those that match all that is given; an empty text stands for none. */
export async function listAssociations(
  db: IdentityExecutor,
  filter: Partial<PolicyAssociationRow>,
): Promise<PolicyAssociationRow[]> {
  let query = db.selectFrom('policy_associations').selectAll();
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof PolicyAssociationRow, '=', value);
  }
  return query.execute();
}

/** In the place of the policy that was there. */
export async function setAssociation(db: IdentityExecutor, row: PolicyAssociationRow): Promise<void> {
  const { policy_id: _, ...place } = row;
  await removeAssociations(db, place);
  await db.insertInto('policy_associations').values(row).execute();
}

export async function removeAssociations(
  db: IdentityExecutor,
  filter: Partial<PolicyAssociationRow>,
): Promise<void> {
  let query = db.deleteFrom('policy_associations');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof PolicyAssociationRow, '=', value);
  }
  await query.execute();
}
