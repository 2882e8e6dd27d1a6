// SQL of resource providers, and the generation that every change of one goes by.
import type { PlacementExecutor } from '#placement/deps.ts';
import { NoSuchProvider, providerConflict } from '#placement/errors.ts';
import { normalUuid } from '#placement/query.ts';
import type { ResourceProviderRow } from '#placement/tables.ts';

/** @throws NoSuchProvider */
export async function getProvider(db: PlacementExecutor, text: string): Promise<ResourceProviderRow> {
  const id = normalUuid(text) ?? text;
  const row = await db.selectFrom('resource_providers').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw new NoSuchProvider(text.slice(0, 255));
  return row;
}

export async function insertProvider(db: PlacementExecutor, row: ResourceProviderRow): Promise<void> {
  await db.insertInto('resource_providers').values(row).execute();
}

export async function updateProvider(
  db: PlacementExecutor,
  id: string,
  changes: Partial<Pick<ResourceProviderRow, 'name' | 'parent_id' | 'root_id' | 'updated_at'>>,
): Promise<void> {
  await db.updateTable('resource_providers').set(changes).where('id', '=', id).execute();
}

/**
 * Moves the provider on by one generation, the mark of a change.
 * @param expected what the caller read; null when it does not say
 * @throws Conflict when somebody changed it since
 * @returns the new generation
 */
export async function bumpGeneration(
  trx: PlacementExecutor,
  provider: ResourceProviderRow,
  expected: number | null,
  now: string,
): Promise<number> {
  if (expected !== null && expected !== provider.generation) throw providerConflict();
  await trx
    .updateTable('resource_providers')
    .set({ generation: provider.generation + 1, updated_at: now })
    .where('id', '=', provider.id)
    .execute();
  return provider.generation + 1;
}

/** The provider and all below it, as ids. */
export async function subtreeOf(db: PlacementExecutor, provider: ResourceProviderRow): Promise<string[]> {
  const tree = await db
    .selectFrom('resource_providers')
    .select(['id', 'parent_id'])
    .where('root_id', '=', provider.root_id)
    .execute();
  const below = [provider.id];
  for (const id of below) below.push(...tree.filter((row) => row.parent_id === id).map((row) => row.id));
  return below;
}

export async function setRoot(db: PlacementExecutor, ids: readonly string[], rootId: string): Promise<void> {
  await db.updateTable('resource_providers').set({ root_id: rootId }).where('id', 'in', ids).execute();
}

export async function hasAllocations(db: PlacementExecutor, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('allocations')
    .select('used')
    .where('provider_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function removeProvider(trx: PlacementExecutor, id: string): Promise<void> {
  for (const table of ['inventories', 'provider_traits', 'provider_aggregates'] as const)
    await trx.deleteFrom(table).where('provider_id', '=', id).execute();
  await trx.deleteFrom('resource_providers').where('id', '=', id).execute();
}

/** Times of change by provider id. */
export async function changeTimes(db: PlacementExecutor): Promise<Map<string, string>> {
  const rows = await db.selectFrom('resource_providers').select(['id', 'updated_at']).execute();
  return new Map(rows.map((row) => [row.id, row.updated_at]));
}
