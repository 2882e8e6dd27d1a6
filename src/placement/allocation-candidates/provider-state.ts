// Reads all providers with inventories, usage, traits and aggregates in five statements, whatever their number.
import type { PlacementTables, InventoryRow } from '#placement/tables.ts';
import type { Executor } from '#platform/sql/database.ts';
import { sql } from 'kysely';

export interface ProviderState {
  readonly id: string;
  readonly name: string;
  readonly generation: number;
  readonly parentId: string | null;
  readonly rootId: string;
  readonly inventories: ReadonlyMap<string, InventoryRow>;
  /** Amounts taken, by class. */
  readonly used: ReadonlyMap<string, number>;
  readonly traits: ReadonlySet<string>;
  readonly aggregates: ReadonlySet<string>;
}

interface Building {
  inventories: Map<string, InventoryRow>;
  used: Map<string, number>;
  traits: Set<string>;
  aggregates: Set<string>;
}

export async function loadProviderStates(db: Executor<PlacementTables>): Promise<Map<string, ProviderState>> {
  const states = new Map<string, ProviderState & Building>();
  for (const row of await db.selectFrom('resource_providers').selectAll().orderBy('name').execute()) {
    states.set(row.id, {
      id: row.id,
      name: row.name,
      generation: row.generation,
      parentId: row.parent_id,
      rootId: row.root_id,
      inventories: new Map(),
      used: new Map(),
      traits: new Set(),
      aggregates: new Set(),
    });
  }
  for (const row of await db.selectFrom('inventories').selectAll().execute())
    states.get(row.provider_id)?.inventories.set(row.resource_class, row);
  const usage = await db
    .selectFrom('allocations')
    .select(['provider_id', 'resource_class', sql<number>`sum(used)`.as('used')])
    .groupBy(['provider_id', 'resource_class'])
    .execute();
  for (const row of usage) states.get(row.provider_id)?.used.set(row.resource_class, Number(row.used));
  for (const row of await db.selectFrom('provider_traits').selectAll().execute())
    states.get(row.provider_id)?.traits.add(row.trait);
  for (const row of await db.selectFrom('provider_aggregates').selectAll().execute())
    states.get(row.provider_id)?.aggregates.add(row.aggregate_id);
  return states;
}
