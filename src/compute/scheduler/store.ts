// The scheduler's SQL: reads the entry and the hosts, writes the choice or the reason why there is none.
import type { ComputeDatabase, ComputeExecutor } from '../deps.ts';
import type { Fault, InstanceActionRow, InstanceRow } from '../tables.ts';
import type { AggregateRow } from '../aggregates/tables.ts';
import type { ComputeNodeRow } from '../hypervisors/tables.ts';
import type { ComputeServiceRow } from '../services/tables.ts';
import type { ServerGroupRow } from '../server-groups/tables.ts';
import { sql } from 'kysely';

export interface Entry {
  readonly instance: InstanceRow;
  readonly action: InstanceActionRow;
}

/** Undefined when the instance or the action is gone. */
export async function findEntry(
  db: ComputeExecutor,
  ref: { readonly action_id: string; readonly instance_id: string },
): Promise<Entry | undefined> {
  const instance = await db
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', ref.instance_id)
    .executeTakeFirst();
  const action = await db
    .selectFrom('instance_actions')
    .selectAll()
    .where('id', '=', ref.action_id)
    .executeTakeFirst();
  return instance && action ? { instance, action } : undefined;
}

export async function findGroup(db: ComputeExecutor, id: string): Promise<ServerGroupRow | undefined> {
  return db.selectFrom('server_groups').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Host → number of the group's members on it, without the instance itself. */
export async function countGroupMembers(
  db: ComputeExecutor,
  groupId: string,
  exceptInstance: string,
): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('instances')
    .select(['host', sql<number>`count(*)`.as('number')])
    .where('server_group_id', '=', groupId)
    .where('deleted', '=', 0)
    .where('host', 'is not', null)
    .where('id', '!=', exceptInstance)
    .groupBy('host')
    .execute();
  return new Map(rows.map((row) => [row.host ?? '', Number(row.number)]));
}

export interface HostRows {
  readonly nodes: readonly ComputeNodeRow[];
  readonly services: readonly ComputeServiceRow[];
  readonly aggregates: readonly AggregateRow[];
  readonly aggregateHosts: ReadonlyArray<{ readonly aggregate_id: number; readonly host: string }>;
  /** Host → servers being built on it. */
  readonly building: ReadonlyMap<string, number>;
}

export async function loadHostRows(db: ComputeExecutor): Promise<HostRows> {
  const nodes = await db.selectFrom('compute_nodes').selectAll().orderBy('host').execute();
  const services = await db
    .selectFrom('compute_services')
    .selectAll()
    .where('binary', '=', 'nova-compute')
    .execute();
  const aggregates = await db.selectFrom('aggregates').selectAll().orderBy('id').execute();
  const aggregateHosts = await db.selectFrom('aggregate_hosts').selectAll().execute();
  const building = await db
    .selectFrom('instances')
    .select(['host', sql<number>`count(*)`.as('number')])
    .where('vm_state', '=', 'building')
    .where('deleted', '=', 0)
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  return {
    nodes,
    services,
    aggregates,
    aggregateHosts,
    building: new Map(building.map((row) => [row.host ?? '', Number(row.number)])),
  };
}

/** Where the servers are that a hint names: only the project's own are told. */
export async function hostsOfServers(
  db: ComputeExecutor,
  projectId: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('instances')
    .select(['id', 'host'])
    .where('id', 'in', ids.slice(0, 500))
    .where('project_id', '=', projectId)
    .where('deleted', '=', 0)
    .execute();
  return new Map(rows.flatMap((row) => (row.host === null ? [] : [[row.id, row.host]])));
}

export interface Placed {
  readonly host: string;
  readonly node: string;
  readonly zone: string;
}

export async function writePlaced(
  trx: ComputeExecutor,
  ref: { readonly action_id: string; readonly instance_id: string; readonly attempt: number },
  placed: Placed,
  now: string,
): Promise<void> {
  await trx
    .updateTable('instances')
    .set({
      host: placed.host,
      node: placed.node,
      availability_zone: placed.zone,
      task_state: 'scheduling',
      updated_at: now,
    })
    .where('id', '=', ref.instance_id)
    .execute();
  await trx
    .updateTable('instance_actions')
    .set({ host: placed.host, attempt: ref.attempt })
    .where('id', '=', ref.action_id)
    .execute();
}

/** Which try an action is at, and where it goes on when that is another host. */
export async function writeAttempt(
  trx: ComputeExecutor,
  actionId: string,
  changes: { readonly attempt: number; readonly host?: string },
): Promise<void> {
  await trx.updateTable('instance_actions').set(changes).where('id', '=', actionId).execute();
}

/** Ends the launch: the instance in ERROR with `fault`, on no host, the action failed. */
export async function writeUnplaced(
  trx: ComputeExecutor,
  ref: { readonly action_id: string; readonly instance_id: string; readonly attempt: number },
  fault: Fault,
): Promise<void> {
  await trx
    .updateTable('instances')
    .set({
      vm_state: 'error',
      task_state: null,
      host: null,
      node: null,
      fault_json: JSON.stringify(fault),
      admin_password: null,
      updated_at: fault.created,
    })
    .where('id', '=', ref.instance_id)
    .execute();
  await trx
    .updateTable('instance_actions')
    .set({ state: 'failed', attempt: ref.attempt, message: 'Error', finished_at: fault.created })
    .where('id', '=', ref.action_id)
    .execute();
}

/** When the message was stored, if it still lies in the outbox (in one process it does until its handler has ended). */
export async function storedAt(db: ComputeDatabase, messageId: string): Promise<string | undefined> {
  const row = await db.kysely
    .selectFrom('outbox')
    .select('created_at')
    .where('id', '=', messageId)
    .executeTakeFirst();
  return row?.created_at;
}
