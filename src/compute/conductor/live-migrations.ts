// Live migrations as the database sees them: begun, switched over to their destination, which is the point of no return, and
// over; and those that end before they began.
import { releaseInTransaction } from '#placement/claim.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Transaction } from 'kysely';
import { updateDevice } from '../block-devices/store.ts';
import type { ComputeDeps } from '../deps.ts';
import {
  agentQueue,
  type ActionRef,
  type AgentRpc,
  type ConductorRpc,
  type MoveRef,
  type PreparedLiveMigration,
} from '../rpc.ts';
import { ENDED, findMigration, updateMigration } from '../server-migrations/store.ts';
import type { ComputeTables, Fault, InstanceActionRow, InstanceRow } from '../tables.ts';
import type { MigrationRow } from '../server-migrations/tables.ts';
import { movedEntry, sendDropMoved, undoMoveInTransaction, withoutSecrets } from './moves.ts';
import { endAction, entryOf, findAction, findInstance, updateAction, updateInstance } from './store.ts';

type Trx = Transaction<ComputeTables>;
type Deps = Pick<ComputeDeps, 'db' | 'clock'>;

/** Its place in the queue has come. One that was called off goes to its host all the same, which undoes what there is of it. */
export async function prepareLiveMigration(
  { db, clock }: Deps,
  args: MoveRef,
): Promise<PreparedLiveMigration> {
  return db.transaction(async (trx) => {
    const [row, action, migration] = [
      await findInstance(trx, args.instance_id),
      await findAction(trx, args.action_id),
      await findMigration(trx, args.migration_uuid),
    ];
    if (!row || !migration || action?.state !== 'running' || ENDED.includes(migration.status))
      return { kind: 'stale' };
    if (migration.status === 'queued')
      await updateMigration(trx, migration.uuid, { status: 'preparing' }, isoTime(clock));
    const from = withoutSecrets(await entryOf(trx, row));
    const switched = migration.status === 'post-migrating';
    return { kind: 'go', migration, from, to: movedEntry(from, migration), switched };
  });
}

/** What is read of it is old in a second: it need not outlive a loss of power. */
const NOT_DURABLE = { durable: false } as const;

export async function reportMigration(
  { db, clock }: Deps,
  { migration_uuid, progress }: Parameters<ConductorRpc['reportMigration']>[0],
): Promise<void> {
  await db.transaction(async (trx) => {
    const migration = await findMigration(trx, migration_uuid);
    if (migration?.status !== 'running') return;
    const counters = {
      memory_total: progress.memoryTotal,
      memory_processed: progress.memoryProcessed,
      memory_remaining: progress.memoryRemaining,
      disk_total: progress.diskTotal,
      disk_processed: progress.diskProcessed,
      disk_remaining: progress.diskRemaining,
    };
    await updateMigration(trx, migration_uuid, counters, isoTime(clock));
  }, NOT_DURABLE);
}

export async function switchHost(
  { db, clock }: Deps,
  args: Parameters<ConductorRpc['switchHost']>[0],
): Promise<{ readonly cancelled: boolean }> {
  return db.transaction(async (trx) => {
    const [row, migration] = [
      await findInstance(trx, args.instance_id),
      await findMigration(trx, args.migration_uuid),
    ];
    if (!row || !migration || row.task_state === 'deleting') return { cancelled: true };
    const now = isoTime(clock);
    const { host, node, availability_zone } = movedEntry({ ...row, devices: [] }, migration);
    const { old_vm_state: vm_state } = migration;
    await updateInstance(trx, row.id, { host, node, availability_zone, vm_state }, now);
    for (const { id, attachment_id, connection_json } of args.volumes)
      await updateDevice(trx, id, { attachment_id, connection_json, updated_at: now });
    // Too late to call it off, also for whoever took its host for dead.
    await updateAction(trx, args.action_id, {
      cancelled: 0,
      host,
      state: 'running',
      finished_at: null,
      message: null,
    });
    await updateMigration(trx, migration.uuid, { status: 'post-migrating' }, now);
    return { cancelled: false };
  });
}

export async function finishLiveMigration({ db, clock }: Deps, args: MoveRef): Promise<void> {
  await db.transaction(async (trx) => {
    const now = isoTime(clock);
    if (!(await endAction(trx, args.action_id, 'done', now))) return;
    const [row, migration] = [
      await findInstance(trx, args.instance_id),
      await findMigration(trx, args.migration_uuid),
    ];
    if (!row || !migration) return;
    await endArrived(trx, row, migration, { fault_json: null }, now);
  });
}

/** What it held where it was is free. */
export async function endArrived(
  trx: Trx,
  row: InstanceRow,
  migration: MigrationRow,
  changes: Partial<InstanceRow>,
  now: string,
): Promise<void> {
  await releaseInTransaction(trx, migration.uuid);
  await updateMigration(trx, migration.uuid, { status: 'completed' }, now);
  await updateInstance(
    trx,
    row.id,
    { ...changes, ...(row.task_state === 'deleting' ? {} : { task_state: null }) },
    now,
  );
}

/**
 * A live migration that did not end within its time. Where the guest runs is its host's to say: as long as that is there it is
 * called off, and ends itself.
 * @returns false when it is for the caller to end, as any other move
 */
export async function expireLiveMigration(
  deps: Pick<ComputeDeps, 'clock' | 'bus'>,
  trx: Trx,
  late: { readonly row: InstanceRow; readonly migration: MigrationRow; readonly action: InstanceActionRow },
  so: { readonly hostIsDown: boolean; readonly fault: Fault },
): Promise<boolean> {
  const { row, migration, action } = late;
  const [now, reason] = [isoTime(deps.clock), so.fault.message];
  if (migration.status === 'accepted' || migration.status === 'queued')
    await endQueued(deps, trx, { row, migration, actionId: action.id }, { status: 'error', reason });
  else if (migration.status === 'post-migrating') {
    await endAction(trx, action.id, 'failed', now, 'Error', reason);
    await endArrived(trx, row, migration, { fault_json: JSON.stringify(so.fault) }, now);
    await sendDropMoved(deps, trx, migration, migration.source_compute);
  } else if (so.hostIsDown) return false;
  else if (action.cancelled === 0) await callOff(deps, trx, migration, action.id);
  return true;
}

/** Its host unwinds it, if it is not too late for that. */
export async function callOff(
  { bus }: Pick<ComputeDeps, 'bus'>,
  trx: Trx,
  { instance_id, source_compute }: MigrationRow,
  actionId: string,
): Promise<void> {
  await updateAction(trx, actionId, { cancelled: 1 });
  const agent = rpcClient<AgentRpc>(bus, agentQueue(source_compute));
  await enqueue(trx, agent.message('callOffAction', { action_id: actionId, instance_id }));
}

/** One that waits for its turn, and of which nothing is made: it ends here and now, with `reason`. */
export async function endQueued(
  deps: Pick<Deps, 'clock'>,
  trx: Trx,
  { row, migration, actionId }: { row: InstanceRow; migration: MigrationRow; actionId: string },
  { status, reason }: { readonly status: 'cancelled' | 'error'; readonly reason: string },
): Promise<void> {
  const now = isoTime(deps.clock);
  await endAction(trx, actionId, 'failed', now, 'Error', reason);
  await undoMoveInTransaction(deps, trx, row, migration, status);
  if (row.task_state !== 'deleting') await updateInstance(trx, row.id, { task_state: null }, now);
}

/** Of an action beside the one that the server is busy with. */
export async function endSideAction(
  { db, clock }: Deps,
  { action_id, reason }: ActionRef & { readonly reason?: string },
): Promise<void> {
  await db.transaction(async (trx) => {
    const state = reason === undefined ? 'done' : 'failed';
    await endAction(trx, action_id, state, isoTime(clock), reason === undefined ? null : 'Error', reason);
  });
}
