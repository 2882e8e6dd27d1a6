// SQL of the reshaper: new inventories first, old ones away at the end.
import type { PlacementExecutor } from '#placement/deps.ts';
import type { InventoryRow } from '#placement/tables.ts';

export async function saveInventories(trx: PlacementExecutor, rows: readonly InventoryRow[]): Promise<void> {
  for (const row of rows) {
    await trx
      .insertInto('inventories')
      .values(row)
      .onConflict((conflict) => conflict.columns(['provider_id', 'resource_class']).doUpdateSet(row))
      .execute();
  }
}

export async function dropInventories(
  trx: PlacementExecutor,
  providerId: string,
  kept: readonly string[],
): Promise<void> {
  let query = trx.deleteFrom('inventories').where('provider_id', '=', providerId);
  if (kept.length > 0) query = query.where('resource_class', 'not in', [...kept]);
  await query.execute();
}
