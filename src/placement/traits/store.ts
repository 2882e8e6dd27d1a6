// SQL of traits: the custom ones, and who bears which.
import type { PlacementExecutor } from '#placement/deps.ts';

export async function listCustomTraits(db: PlacementExecutor): Promise<string[]> {
  return (await db.selectFrom('custom_traits').select('name').orderBy('name').execute()).map(
    (row) => row.name,
  );
}

/** False when it was there already. */
export async function insertCustomTrait(db: PlacementExecutor, name: string, now: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('custom_traits')
    .values({ name, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function removeCustomTrait(db: PlacementExecutor, name: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('custom_traits').where('name', '=', name).executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Traits that some provider bears. */
export async function listBornTraits(db: PlacementExecutor): Promise<Set<string>> {
  const rows = await db.selectFrom('provider_traits').select('trait').distinct().execute();
  return new Set(rows.map((row) => row.trait));
}

export async function listProviderTraits(db: PlacementExecutor, providerId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('provider_traits')
    .select('trait')
    .where('provider_id', '=', providerId)
    .orderBy('trait')
    .execute();
  return rows.map((row) => row.trait);
}

export async function replaceProviderTraits(
  trx: PlacementExecutor,
  providerId: string,
  traits: readonly string[],
): Promise<void> {
  await trx.deleteFrom('provider_traits').where('provider_id', '=', providerId).execute();
  const rows = [...new Set(traits)].map((trait) => ({ provider_id: providerId, trait }));
  if (rows.length > 0) await trx.insertInto('provider_traits').values(rows).execute();
}
