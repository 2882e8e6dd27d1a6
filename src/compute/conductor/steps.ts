// The launch record's writer: a step's state, and the task state that it implies, in one transaction.
import type { StepRecord } from '#platform/saga/saga.ts';
import { saveStep } from '#platform/saga/sql-log.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { ComputeDeps, ComputeExecutor } from '../deps.ts';
import { findOpenMigration, updateMigration } from '../server-migrations/store.ts';
import type { TaskState } from '../tables.ts';
import type { MigrationStatus } from '../server-migrations/tables.ts';
import { findAction, publishTaskState } from './store.ts';

/** The task state that clients see while a hop of the launch runs; upstream's names. */
const TASK_STATE_OF_STEP: ReadonlyMap<string, TaskState> = new Map([
  ['network.allocate', 'networking'],
  ['spawn', 'spawning'],
]);

/** Actions that run the hops of a launch. */
const LAUNCHES: ReadonlySet<string> = new Set(['create', 'unshelve']);

/** The same for moves, with what their migration's row says meanwhile. */
const STATES_OF_MOVE: ReadonlyMap<string, readonly [TaskState, MigrationStatus]> = new Map([
  ['guest.stop', ['resize_migrating', 'migrating']],
  ['disk.prepare', ['resize_migrated', 'post-migrating']],
  ['volume.connect', ['resize_finish', 'post-migrating']],
]);
const MOVES = new Set(['resize', 'migrate']);

/** A power failure ends the guests as well; what the record then lacks is found out again. */
const NOT_DURABLE = { durable: false } as const;

export async function recordStep(deps: ComputeDeps, record: StepRecord): Promise<{ cancelled: boolean }> {
  const action = await deps.db.transaction(async (trx) => {
    const found = await findAction(trx, record.saga_id);
    if (!found) return undefined;
    await saveStep(trx, record);
    const implied =
      record.state === 'running' && LAUNCHES.has(found.action) && found.state === 'running'
        ? TASK_STATE_OF_STEP.get(record.step)
        : undefined;
    if (implied) await publishTaskState(trx, found.instance_id, implied);
    if (record.state === 'running' && found.state === 'running' && MOVES.has(found.action))
      await publishMove(deps, trx, found.instance_id, record.step);
    if (record.state === 'running' && found.action === 'live-migration' && record.step === 'guest.migrate')
      await publishTransfer(deps, trx, found.instance_id);
    return found;
  }, NOT_DURABLE);
  // What has ended (by its deadline) is not to be gone on with by an agent that is late.
  return { cancelled: action === undefined || action.cancelled === 1 || action.state !== 'running' };
}

async function publishMove(
  { clock }: Pick<ComputeDeps, 'clock'>,
  trx: ComputeExecutor,
  instanceId: string,
  step: string,
): Promise<void> {
  const states = STATES_OF_MOVE.get(step);
  const migration = states && (await findOpenMigration(trx, instanceId));
  if (!states || !migration) return;
  const [task, status] = states;
  await publishTaskState(trx, instanceId, task);
  await updateMigration(trx, migration.uuid, { status }, isoTime(clock));
}

/** The server stays what it is all along: only its migration's row tells how far it is. */
async function publishTransfer(
  { clock }: Pick<ComputeDeps, 'clock'>,
  trx: ComputeExecutor,
  instanceId: string,
): Promise<void> {
  const migration = await findOpenMigration(trx, instanceId);
  if (migration?.status === 'preparing')
    await updateMigration(trx, migration.uuid, { status: 'running' }, isoTime(clock));
}
