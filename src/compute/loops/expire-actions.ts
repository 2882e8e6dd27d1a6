// No action outlives its deadline: one that an agent cannot end any more is ended here, with the reason.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import { releaseInTransaction } from '#placement/claim.ts';
import { endLaunchInError } from '../conductor/launch.ts';
import { endAction, findInstance, updateInstance } from '../conductor/store.ts';
import type { ComputeDeps } from '../deps.ts';
import { agentQueue, type AgentRpc } from '../rpc.ts';
import type { Transaction } from 'kysely';
import type { ComputeTables, InstanceActionRow } from '../tables.ts';

const TICK_MS = 5000; // how long past its deadline an action can be seen running
/** A step that runs at the deadline may end by its own deadline first: it then speaks for itself. */
const GRACE_MS = 30_000;

export function startExpireActions(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'expire-actions',
    intervalMs: TICK_MS,
    log: deps.log,
    run: async () => expireActions(deps),
  });
}

export async function expireActions(deps: ComputeDeps): Promise<void> {
  const { db, clock } = deps;
  const late = new Date(clock.now() - GRACE_MS).toISOString();
  const actions = await db.kysely
    .selectFrom('instance_actions')
    .selectAll()
    .where('state', '=', 'running')
    .where('deadline_at', '<', late)
    .execute();
  for (const action of actions) {
    if (action.action === 'delete') continue; // it is repeated until it succeeds; giving up would leak
    await db.transaction(async (trx) => expire(deps, trx, action));
  }
}

async function expire(
  { bus, clock }: ComputeDeps,
  trx: Transaction<ComputeTables>,
  action: InstanceActionRow,
): Promise<void> {
  const now = isoTime(clock);
  const entry = await findInstance(trx, action.instance_id);
  const step = (await listSteps(trx, [action.id])).findLast(
    (each) => each.state === 'running' || each.state === 'undoing',
  );
  const where = step
    ? `${step.step} on ${step.actor}${step.waiting_for ? `, waiting for ${step.waiting_for}` : ''}`
    : 'a message to be taken up';
  const fault = {
    code: 500,
    message: `The ${action.action} did not end within its time: it hung in ${where}.`,
    details: '',
    created: now,
  };
  if (!entry) {
    await endAction(trx, action.id, 'failed', now, 'Error');
  } else if (action.action === 'create') {
    await releaseInTransaction(trx, entry.id);
    await endLaunchInError(trx, entry, action.id, fault, now);
    if (entry.host)
      await enqueue(
        trx,
        rpcClient<AgentRpc>(bus, agentQueue(entry.host)).message('cleanUpServer', {
          action_id: action.id,
          instance_id: entry.id,
        }),
      );
  } else {
    await endAction(trx, action.id, 'failed', now, 'Error');
    await updateInstance(trx, entry.id, { task_state: null, fault_json: JSON.stringify(fault) }, now);
  }
}
