// All SQL of trusts: what one user (the trustor) lets another one (the trustee) do in a project.
import type { IdentityExecutor, TrustRow } from '../database.ts';

export async function findTrust(db: IdentityExecutor, id: string): Promise<TrustRow | undefined> {
  return db.selectFrom('trusts').selectAll().where('id', '=', id).executeTakeFirst();
}

type TrustFilter = Partial<Pick<TrustRow, 'id' | 'trustor_user_id' | 'trustee_user_id' | 'project_id'>>;

export async function listTrustRows(db: IdentityExecutor, filter: TrustFilter): Promise<TrustRow[]> {
  let query = db.selectFrom('trusts').selectAll().orderBy('created_at').orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof TrustFilter, '=', value);
  }
  return query.execute();
}

export async function insertTrust(db: IdentityExecutor, row: TrustRow): Promise<void> {
  await db.insertInto('trusts').values(row).execute();
}

/** Takes one of the uses that are left; false when none was. Only for trusts that count them. */
export async function takeUse(db: IdentityExecutor, id: string): Promise<boolean> {
  const result = await db
    .updateTable('trusts')
    .set((set) => ({ remaining_uses: set('remaining_uses', '-', 1) }))
    .where('id', '=', id)
    .where('remaining_uses', '>', 0)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** With all that were made from them. */
export async function removeTrusts(db: IdentityExecutor, filter: TrustFilter): Promise<void> {
  let query = db.deleteFrom('trusts');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof TrustFilter, '=', value);
  }
  let { numDeletedRows: removed } = await query.executeTakeFirst();
  while (removed > 0n) ({ numDeletedRows: removed } = await removeOrphans(db));
}

/** Those whose origin is gone: the next link of each broken chain. */
async function removeOrphans(db: IdentityExecutor): Promise<{ numDeletedRows: bigint }> {
  return db
    .deleteFrom('trusts')
    .where('redelegated_trust_id', 'is not', null)
    .where('redelegated_trust_id', 'not in', db.selectFrom('trusts as origin').select('origin.id'))
    .executeTakeFirst();
}
