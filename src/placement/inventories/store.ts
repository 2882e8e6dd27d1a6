// SQL of inventories.
import type { PlacementExecutor } from '#placement/deps.ts';
import { Conflict } from '#placement/errors.ts';
import type { InventoryRow } from '#placement/tables.ts';
import { sql } from 'kysely';

export async function listInventories(db: PlacementExecutor, providerId: string): Promise<InventoryRow[]> {
  return db
    .selectFrom('inventories')
    .selectAll()
    .where('provider_id', '=', providerId)
    .orderBy('resource_class')
    .execute();
}

/** Amounts taken of each class. */
export async function usageOf(db: PlacementExecutor, providerId: string): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('allocations')
    .select(['resource_class', sql<number>`sum(used)`.as('used')])
    .where('provider_id', '=', providerId)
    .groupBy('resource_class')
    .execute();
  return new Map(rows.map((row) => [row.resource_class, Number(row.used)]));
}

/** Makes `next` the provider's inventories. @throws Conflict when a class that is in use would go */
export async function replaceInventories(
  trx: PlacementExecutor,
  providerId: string,
  next: readonly InventoryRow[],
): Promise<void> {
  const kept = new Set(next.map((row) => row.resource_class));
  const busy = [...(await usageOf(trx, providerId)).keys()].filter((name) => !kept.has(name));
  if (busy.length > 0)
    throw new Conflict(
      `Inventory for '${busy.join(', ')}' on resource provider '${providerId}' in use.`,
      'inventory-in-use',
    );
  await trx.deleteFrom('inventories').where('provider_id', '=', providerId).execute();
  if (next.length > 0)
    await trx
      .insertInto('inventories')
      .values([...next])
      .execute();
}
