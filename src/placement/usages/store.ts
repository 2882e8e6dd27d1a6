// Sums over allocations by owner.
import type { PlacementExecutor } from '#placement/deps.ts';
import { sql } from 'kysely';

export interface Owner {
  readonly projectId: string;
  readonly userId: string | null;
}

const UNKNOWN = 'unknown'; // what upstream calls the type of consumers that have none

export async function sumByType(
  db: PlacementExecutor,
  owner: Owner,
): Promise<Array<{ type: string; resource_class: string; used: number }>> {
  let query = db
    .selectFrom('allocations')
    .innerJoin('consumers', 'consumers.id', 'allocations.consumer_id')
    .select(['consumers.consumer_type', 'allocations.resource_class', sql<number>`sum(used)`.as('used')])
    .where('consumers.project_id', '=', owner.projectId)
    .groupBy(['consumers.consumer_type', 'allocations.resource_class'])
    .orderBy('allocations.resource_class');
  if (owner.userId !== null) query = query.where('consumers.user_id', '=', owner.userId);
  const rows = await query.execute();
  return rows.map((row) => ({
    type: row.consumer_type ?? UNKNOWN,
    resource_class: row.resource_class,
    used: Number(row.used),
  }));
}

/** Consumers by type. */
export async function countConsumers(db: PlacementExecutor, owner: Owner): Promise<Map<string, number>> {
  let query = db
    .selectFrom('consumers')
    .select(['consumer_type', sql<number>`count(*)`.as('number')])
    .where('project_id', '=', owner.projectId)
    .groupBy('consumer_type');
  if (owner.userId !== null) query = query.where('user_id', '=', owner.userId);
  const rows = await query.execute();
  return new Map(rows.map((row) => [row.consumer_type ?? UNKNOWN, Number(row.number)]));
}
