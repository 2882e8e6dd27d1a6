// All SQL of compute services. Other resources ask here whether a host is up.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { ComputeServiceRow } from './tables.ts';
import { removeHostProvider } from '#placement/claim.ts';
import { sql, type Transaction } from 'kysely';
import type { ComputeTables } from '#compute/tables.ts';

/** A row with the number that versions before 2.53 know it by: its place in the order of creation. */
export type NumberedService = ComputeServiceRow & { readonly number: number };

export async function listServices(db: ComputeExecutor): Promise<NumberedService[]> {
  const rows = await db
    .selectFrom('compute_services')
    .selectAll()
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map((row, i) => ({ ...row, number: i + 1 }));
}

export async function updateService(
  db: ComputeExecutor,
  id: string,
  changes: Partial<Pick<ComputeServiceRow, 'disabled' | 'disabled_reason' | 'forced_down' | 'updated_at'>>,
): Promise<void> {
  await db.updateTable('compute_services').set(changes).where('id', '=', id).execute();
}

export async function countServers(db: ComputeExecutor, host: string): Promise<number> {
  const row = await db
    .selectFrom('instances')
    .select(sql<number>`count(*)`.as('number'))
    .where('host', '=', host)
    .where('deleted', '=', 0)
    .executeTakeFirstOrThrow();
  return Number(row.number);
}

/** With its nodes, their resource providers and its place in aggregates. */
export async function removeService(
  trx: Transaction<ComputeTables>,
  service: ComputeServiceRow,
): Promise<void> {
  const nodes = await trx.selectFrom('compute_nodes').select('id').where('host', '=', service.host).execute();
  for (const node of nodes) await removeHostProvider(trx, node.id);
  await trx.deleteFrom('compute_nodes').where('host', '=', service.host).execute();
  await trx.deleteFrom('aggregate_hosts').where('host', '=', service.host).execute();
  await trx.deleteFrom('compute_services').where('id', '=', service.id).execute();
}
