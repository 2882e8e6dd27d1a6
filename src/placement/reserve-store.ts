// The ground of every claim: the part of a caller's transaction that is placement's, and whether a provider has enough.
// For claim.ts and granular-store.ts.
import type { Executor } from '#platform/sql/database.ts';
import { sql } from 'kysely';
import { shortageOf } from './capacity.ts';
import { NoCapacity, NoSuchProvider, type Shortage } from './errors.ts';
import type { PlacementTables } from './tables.ts';

/** Amounts by resource class: `{ VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 }`. */
export type Resources = Readonly<Record<string, number>>;

/** The part of the caller's transaction that is placement's. */
export const placement = <T>(trx: Executor<T>): Executor<PlacementTables> =>
  trx as unknown as Executor<PlacementTables>;

/** What one provider gives a consumer. */
export interface Part {
  readonly consumerId: string;
  readonly providerId: string;
  readonly resources: Resources;
}

/** @throws NoCapacity, NoSuchProvider. Writing the provider first makes racing claims on it meet here and not after their work is done. */
export async function reserve(db: Executor<PlacementTables>, part: Part, now: string): Promise<void> {
  const bumped = await db
    .updateTable('resource_providers')
    .set((eb) => ({ generation: eb('generation', '+', 1), updated_at: now }))
    .where('id', '=', part.providerId)
    .executeTakeFirst();
  if (bumped.numUpdatedRows === 0n) throw new NoSuchProvider(part.providerId);
  const shortages = await shortagesOf(db, part);
  if (shortages.length > 0) throw new NoCapacity(part.providerId, shortages);
}

async function shortagesOf(db: Executor<PlacementTables>, claim: Part): Promise<Shortage[]> {
  const inventories = await db
    .selectFrom('inventories')
    .selectAll()
    .where('provider_id', '=', claim.providerId)
    .execute();
  const used = await db
    .selectFrom('allocations')
    .select(['resource_class', sql<number>`sum(used)`.as('used')])
    .where('provider_id', '=', claim.providerId)
    .where('consumer_id', '!=', claim.consumerId)
    .groupBy('resource_class')
    .execute();
  const usage = new Map(used.map((row) => [row.resource_class, Number(row.used)]));
  return Object.entries(claim.resources).flatMap(([name, amount]) => {
    const inventory = inventories.find((row) => row.resource_class === name);
    return shortageOf(name, amount, inventory, usage.get(name) ?? 0) ?? [];
  });
}
