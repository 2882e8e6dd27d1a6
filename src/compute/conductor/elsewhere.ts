// A move that failed at its destination is tried on another host, as a launch is: what the server held is its own again, and the
// scheduler chooses anew, without the hosts that were tried. Called when the agent has unwound; the moves of moves.ts.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Transaction } from 'kysely';
import type { ComputeDeps } from '../deps.ts';
import { SCHEDULER_QUEUE, type ConductorRpc, type SchedulerRpc } from '../rpc.ts';
import { writeAttempt } from '../scheduler/store.ts';
import { findMigration, updateMigration } from '../server-migrations/store.ts';
import type { ComputeTables, InstanceActionRow, InstanceRow } from '../tables.ts';
import type { MigrationRow } from '../server-migrations/tables.ts';
import { findAction, findInstance, updateInstance } from './store.ts';

/** Hosts tried for one operation on a server; upstream's max_attempts. */
export const MAX_ATTEMPTS = 3;

/** Whether the action may go on with another try. */
export const mayTryAgain = (
  action: Pick<InstanceActionRow, 'cancelled' | 'deadline_at'>,
  attempt: number,
  now: number,
): boolean => attempt < MAX_ATTEMPTS && action.cancelled === 0 && Date.parse(action.deadline_at) > now;

const BEGUN = {
  evacuation: { task: 'rebuilding', status: 'accepted' },
  others: { task: 'resize_prep', status: 'pre-migrating' },
} as const;

/**
 * @param giveBack the claim of the destination ends, and the server holds what it held
 * @returns false when this was the last try
 */
export async function tryElsewhere(
  { bus, clock }: Pick<ComputeDeps, 'bus' | 'clock'>,
  trx: Transaction<ComputeTables>,
  { action_id, instance_id, migration_uuid, retry }: Parameters<ConductorRpc['failMove']>[0],
  giveBack: (entry: InstanceRow, migration: MigrationRow) => Promise<void>,
): Promise<boolean> {
  const [entry, action, migration] = [
    await findInstance(trx, instance_id),
    await findAction(trx, action_id),
    await findMigration(trx, migration_uuid),
  ];
  if (!retry || !entry || !migration || action?.state !== 'running') return false;
  const { attempt, exclude, requested_host } = retry.tried;
  // Told twice: the next try is under way.
  if (action.attempt > attempt) return true;
  if (requested_host !== null || !mayTryAgain(action, attempt, clock.now())) return false;
  const now = isoTime(clock);
  await giveBack(entry, migration);
  const { task, status } = BEGUN[migration.migration_type === 'evacuation' ? 'evacuation' : 'others'];
  const unchosen = { dest_compute: null, dest_node: null, dest_host: null, dest_zone: null };
  await updateMigration(trx, migration_uuid, { ...unchosen, status }, now);
  if (entry.task_state !== 'deleting') await updateInstance(trx, instance_id, { task_state: task }, now);
  await writeAttempt(trx, action_id, { attempt: attempt + 1 });
  const failed = migration.dest_compute === null ? [] : [migration.dest_compute];
  await enqueue(
    trx,
    rpcClient<SchedulerRpc>(bus, SCHEDULER_QUEUE).message('selectDestination', {
      action_id,
      instance_id,
      attempt: attempt + 1,
      exclude: [...new Set([...exclude, ...failed])],
      requested_host,
      migration_uuid,
      next: retry.next,
    }),
  );
  return true;
}
