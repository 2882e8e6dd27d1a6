// SQL of the aggregates of providers.
import type { PlacementExecutor } from '#placement/deps.ts';

export async function listAggregates(db: PlacementExecutor, providerId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('provider_aggregates')
    .select('aggregate_id')
    .where('provider_id', '=', providerId)
    .orderBy('aggregate_id')
    .execute();
  return rows.map((row) => row.aggregate_id);
}

export async function replaceAggregates(
  trx: PlacementExecutor,
  providerId: string,
  ids: readonly string[],
): Promise<void> {
  await trx.deleteFrom('provider_aggregates').where('provider_id', '=', providerId).execute();
  const rows = [...new Set(ids)].map((aggregate_id) => ({ provider_id: providerId, aggregate_id }));
  if (rows.length > 0) await trx.insertInto('provider_aggregates').values(rows).execute();
}
