// All SQL of aggregates and the hosts in them.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { AggregateRow } from './tables.ts';
import { sql } from 'kysely';

export interface Aggregate {
  readonly row: AggregateRow;
  readonly hosts: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

export async function listAggregates(db: ComputeExecutor): Promise<Aggregate[]> {
  const rows = await db.selectFrom('aggregates').selectAll().orderBy('id').execute();
  const members = await db.selectFrom('aggregate_hosts').selectAll().orderBy('host').execute();
  return rows.map((row) => ({
    row,
    hosts: members.filter((each) => each.aggregate_id === row.id).map((each) => each.host),
    metadata: JSON.parse(row.metadata_json) as Record<string, string>,
  }));
}

/** Call in a transaction: the number is the next free one. */
export async function insertAggregate(
  trx: ComputeExecutor,
  row: Omit<AggregateRow, 'id'>,
): Promise<AggregateRow> {
  const { next } = await trx
    .selectFrom('aggregates')
    .select(sql<number>`coalesce(max(id), 0) + 1`.as('next'))
    .executeTakeFirstOrThrow();
  const numbered = { id: Number(next), ...row };
  await trx.insertInto('aggregates').values(numbered).execute();
  return numbered;
}

export async function updateAggregate(
  trx: ComputeExecutor,
  id: number,
  changes: Partial<Pick<AggregateRow, 'name' | 'metadata_json' | 'updated_at'>>,
): Promise<void> {
  await trx.updateTable('aggregates').set(changes).where('id', '=', id).execute();
}

export async function removeAggregate(trx: ComputeExecutor, id: number): Promise<void> {
  await trx.deleteFrom('aggregates').where('id', '=', id).execute();
}

export async function insertHost(trx: ComputeExecutor, id: number, host: string): Promise<void> {
  await trx.insertInto('aggregate_hosts').values({ aggregate_id: id, host }).execute();
}

export async function removeHost(trx: ComputeExecutor, id: number, host: string): Promise<void> {
  await trx.deleteFrom('aggregate_hosts').where('aggregate_id', '=', id).where('host', '=', host).execute();
}

/** The nodes of a host: their ids are those of their resource providers. */
export async function nodesOf(trx: ComputeExecutor, host: string): Promise<string[]> {
  const rows = await trx.selectFrom('compute_nodes').select('id').where('host', '=', host).execute();
  return rows.map((row) => row.id);
}

/** Hosts among `hosts` that have servers: their zone can't change under them. */
export async function hostsWithServers(trx: ComputeExecutor, hosts: readonly string[]): Promise<string[]> {
  if (hosts.length === 0) return [];
  const rows = await trx
    .selectFrom('instances')
    .select('host')
    .distinct()
    .where('host', 'in', hosts)
    .where('deleted', '=', 0)
    .execute();
  return rows.flatMap((row) => row.host ?? []);
}
