// The conductor's SQL: entries and actions, as agents and loops change them. Each function works in a transaction too.
import { closeSteps } from '#platform/saga/sql-log.ts';
import { listDevicesOf } from '../block-devices/store.ts';
import type { ComputeExecutor } from '../deps.ts';
import type { InstanceEntry } from '../rpc.ts';
import type { InstanceActionRow, InstanceRow, Vif } from '../tables.ts';

/** Undefined when there is none or it is deleted. */
export async function findInstance(db: ComputeExecutor, id: string): Promise<InstanceRow | undefined> {
  return db
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', id)
    .where('deleted', '=', 0)
    .executeTakeFirst();
}

/** As an agent gets it: with its disks. */
export async function entryOf(db: ComputeExecutor, row: InstanceRow): Promise<InstanceEntry> {
  const [entry] = await entriesOf(db, [row]);
  return entry!; // of the one row
}

export async function entriesOf(db: ComputeExecutor, rows: readonly InstanceRow[]): Promise<InstanceEntry[]> {
  const devices = await listDevicesOf(
    db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => ({ ...row, devices: devices.get(row.id) ?? [] }));
}

export async function findEntry(db: ComputeExecutor, id: string): Promise<InstanceEntry | undefined> {
  const row = await findInstance(db, id);
  return row && entryOf(db, row);
}

export async function findAction(db: ComputeExecutor, id: string): Promise<InstanceActionRow | undefined> {
  return db.selectFrom('instance_actions').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function updateInstance(
  db: ComputeExecutor,
  id: string,
  changes: Partial<InstanceRow>,
  now: string,
): Promise<void> {
  await db
    .updateTable('instances')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
    .execute();
}

export async function updateAction(
  db: ComputeExecutor,
  id: string,
  changes: Partial<InstanceActionRow>,
): Promise<void> {
  await db.updateTable('instance_actions').set(changes).where('id', '=', id).execute();
}

/** Ends an action that still runs, and its steps; says whether it did, so that its effects happen once. */
export async function endAction(
  db: ComputeExecutor,
  id: string,
  state: 'done' | 'failed',
  now: string,
  message: string | null = null,
  reason = 'the action has ended',
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('instance_actions')
    .set({ state, finished_at: now, message })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await closeSteps(db, [id], { now, reason: state === 'done' ? null : reason });
  return true;
}

export async function publishTaskState(
  db: ComputeExecutor,
  instanceId: string,
  taskState: InstanceRow['task_state'],
): Promise<void> {
  await db
    .updateTable('instances')
    .set({ task_state: taskState })
    .where('id', '=', instanceId)
    .where('deleted', '=', 0)
    .where('task_state', 'is distinct from', 'deleting')
    .execute();
}

export async function writeVifs(
  db: ComputeExecutor,
  instanceId: string,
  vifs: readonly Vif[],
): Promise<void> {
  await db
    .updateTable('instances')
    .set({ vifs_json: JSON.stringify(vifs) })
    .where('id', '=', instanceId)
    .where('vm_state', '!=', 'error') // a launch that was ended has none, whatever its late host says
    .execute();
}

/** Of the hypervisor on `host`. */
export async function findNodeName(db: ComputeExecutor, host: string): Promise<string | undefined> {
  const node = await db
    .selectFrom('compute_nodes')
    .select('hypervisor_hostname')
    .where('host', '=', host)
    .executeTakeFirst();
  return node?.hypervisor_hostname;
}

/** UUIDs of all moves of the server, over or not. */
export async function listMoveIds(db: ComputeExecutor, instanceId: string): Promise<string[]> {
  const moves = await db
    .selectFrom('migrations')
    .select('uuid')
    .where('instance_id', '=', instanceId)
    .execute();
  return moves.map((move) => move.uuid);
}
