// All SQL of key pairs.
import { sql } from 'kysely';
import type { ComputeExecutor } from '#compute/deps.ts';
import type { KeypairRow } from './tables.ts';

export async function findKeypair(
  db: ComputeExecutor,
  userId: string,
  name: string,
): Promise<KeypairRow | undefined> {
  return db
    .selectFrom('keypairs')
    .selectAll()
    .where('user_id', '=', userId)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** By name, behind `marker`. */
export async function listKeypairs(
  db: ComputeExecutor,
  userId: string,
  page: { readonly limit: number; readonly marker: string | undefined },
): Promise<KeypairRow[]> {
  let select = db.selectFrom('keypairs').selectAll().where('user_id', '=', userId);
  if (page.marker !== undefined) select = select.where('name', '>', page.marker);
  return select.orderBy('name').limit(page.limit).execute();
}

/** Call it in a transaction: the number is the next one. */
export async function insertKeypair(trx: ComputeExecutor, row: Omit<KeypairRow, 'id'>): Promise<KeypairRow> {
  const { next } = await trx
    .selectFrom('keypairs')
    .select(sql<number>`coalesce(max(id), 0) + 1`.as('next'))
    .executeTakeFirstOrThrow();
  const whole = { id: Number(next), ...row };
  await trx.insertInto('keypairs').values(whole).execute();
  return whole;
}

export async function removeKeypair(db: ComputeExecutor, userId: string, name: string): Promise<boolean> {
  const result = await db
    .deleteFrom('keypairs')
    .where('user_id', '=', userId)
    .where('name', '=', name)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}
