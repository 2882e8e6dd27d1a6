// All SQL of roles and of which role implies which.
import type { IdentityExecutor, ImpliedRoleRow, RoleRow } from '../database.ts';

export async function findRole(db: IdentityExecutor, id: string): Promise<RoleRow | undefined> {
  return db.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst();
}

export type RoleFilter = Partial<Pick<RoleRow, 'name' | 'domain_id'>>;

export async function listRoleRows(db: IdentityExecutor, filter: RoleFilter): Promise<RoleRow[]> {
  let query = db.selectFrom('roles').selectAll().orderBy('name').orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof RoleFilter, '=', value);
  }
  return query.execute();
}

export async function insertRole(db: IdentityExecutor, row: RoleRow): Promise<void> {
  await db.insertInto('roles').values(row).execute();
}

export async function updateRole(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<RoleRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('roles').set(changes).where('id', '=', id).execute();
}

export async function removeRole(db: IdentityExecutor, id: string): Promise<void> {
  await db
    .deleteFrom('implied_roles')
    .where((where) => where.or([where('prior_role_id', '=', id), where('implied_role_id', '=', id)]))
    .execute();
  await db.deleteFrom('roles').where('id', '=', id).execute();
}

export async function listImplications(db: IdentityExecutor): Promise<ImpliedRoleRow[]> {
  return db.selectFrom('implied_roles').selectAll().execute();
}

/** Idempotent. */
export async function insertImplication(db: IdentityExecutor, row: ImpliedRoleRow): Promise<void> {
  await db
    .insertInto('implied_roles')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** False when there was none. */
export async function removeImplication(db: IdentityExecutor, row: ImpliedRoleRow): Promise<boolean> {
  const result = await db
    .deleteFrom('implied_roles')
    .where('prior_role_id', '=', row.prior_role_id)
    .where('implied_role_id', '=', row.implied_role_id)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}
