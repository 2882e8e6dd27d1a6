// All SQL of the options that domains set.
import type { DomainOptionRow, IdentityExecutor } from '../database.ts';

export async function listOptions(db: IdentityExecutor, domainId: string): Promise<DomainOptionRow[]> {
  return db
    .selectFrom('domain_options')
    .selectAll()
    .where('domain_id', '=', domainId)
    .orderBy('option_group')
    .orderBy('name')
    .execute();
}

/** Replaces those of the same names. */
export async function setOptions(db: IdentityExecutor, rows: readonly DomainOptionRow[]): Promise<void> {
  for (const row of rows) {
    await removeOptions(db, row.domain_id, row.option_group, row.name);
    await db.insertInto('domain_options').values(row).execute();
  }
}

export async function removeOptions(
  db: IdentityExecutor,
  domainId: string,
  group?: string,
  name?: string,
): Promise<void> {
  let query = db.deleteFrom('domain_options').where('domain_id', '=', domainId);
  if (group !== undefined) query = query.where('option_group', '=', group);
  if (name !== undefined) query = query.where('name', '=', name);
  await query.execute();
}
