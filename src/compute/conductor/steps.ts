// The launch record's writer: a step's state, and the task state that it implies, in one transaction.
import type { StepRecord } from '#platform/saga/saga.ts';
import { saveStep } from '#platform/saga/sql-log.ts';
import type { ComputeDeps } from '../deps.ts';
import type { TaskState } from '../tables.ts';
import { findAction, publishTaskState } from './store.ts';

/** The task state that clients see while a hop of the launch runs; upstream's names. */
const TASK_STATE_OF_STEP: ReadonlyMap<string, TaskState> = new Map([
  ['network.allocate', 'networking'],
  ['spawn', 'spawning'],
]);

/** A power failure ends the guests as well; what the record then lacks is found out again. */
const NOT_DURABLE = { durable: false } as const;

export async function recordStep(deps: ComputeDeps, record: StepRecord): Promise<{ cancelled: boolean }> {
  const action = await deps.db.transaction(async (trx) => {
    const found = await findAction(trx, record.saga_id);
    if (!found) return undefined;
    await saveStep(trx, record);
    const implied =
      record.state === 'running' && found.action === 'create' && found.state === 'running'
        ? TASK_STATE_OF_STEP.get(record.step)
        : undefined;
    if (implied) await publishTaskState(trx, found.instance_id, implied);
    return found;
  }, NOT_DURABLE);
  // What has ended (by its deadline) is not to be gone on with by an agent that is late.
  return { cancelled: action === undefined || action.cancelled === 1 || action.state !== 'running' };
}
