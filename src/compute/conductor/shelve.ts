// Servers that leave their host to be shelved and come back on another, as the database sees it.
import { enqueue } from '#platform/bus/outbox.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { isoTime } from '#platform/context/clock.ts';
import { releaseInTransaction } from '#placement/claim.ts';
import type { Transaction } from 'kysely';
import type { ComputeDeps } from '../deps.ts';
import {
  SCHEDULER_QUEUE,
  type ActionRef,
  type ConductorRpc,
  type DestinationMessage,
  type SchedulerRpc,
} from '../rpc.ts';
import { POWER_STATE, type ComputeTables, type Fault, type InstanceRow, type Vif } from '../tables.ts';
import { mayTryAgain } from './elsewhere.ts';
import { triedHosts } from './launch.ts';
import { endAction, findAction, findInstance, updateInstance } from './store.ts';

/** While the action goes on; a delete that is under way keeps its task state. */
export async function changeEntry(
  { db, clock }: ComputeDeps,
  { action_id, instance_id, changes }: Parameters<ConductorRpc['changeEntry']>[0],
): Promise<void> {
  await db.transaction(async (trx) => {
    const [entry, action] = [await findInstance(trx, instance_id), await findAction(trx, action_id)];
    if (!entry || action?.state !== 'running') return;
    const { task_state, ...others } = changes;
    const task = entry.task_state === 'deleting' || task_state === undefined ? {} : { task_state };
    await updateInstance(trx, instance_id, { ...others, ...task }, isoTime(clock));
  });
}

/** The server is on no host any more: its claim is freed with that. */
export async function finishOffload({ db, clock }: ComputeDeps, args: ActionRef): Promise<void> {
  await db.transaction(async (trx) => {
    const now = isoTime(clock);
    if (!(await endAction(trx, args.action_id, 'done', now))) return;
    const entry = await findInstance(trx, args.instance_id);
    if (!entry) return;
    await leaveHost(trx, entry, { vm_state: 'shelved_offloaded', power_state: POWER_STATE.shutdown }, now);
  });
}

/** Frees what the server claimed, and what tells where it is. A delete that is under way keeps its task state. */
export async function leaveHost(
  trx: Transaction<ComputeTables>,
  entry: InstanceRow,
  changes: Partial<InstanceRow>,
  now: string,
): Promise<void> {
  await releaseInTransaction(trx, entry.id);
  const vifs = (JSON.parse(entry.vifs_json) as Vif[]).map((vif) => ({ ...vif, active: false }));
  await updateInstance(
    trx,
    entry.id,
    {
      host: null,
      node: null,
      vifs_json: JSON.stringify(vifs),
      ...(entry.task_state === 'deleting' ? {} : { task_state: null }),
      ...changes,
    },
    now,
  );
}

/** Called when the host has unwound: another host is tried, or the server stays shelved with the reason. */
export async function failUnshelve(
  { db, bus, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['failUnshelve']>[0],
): Promise<void> {
  const { action_id, instance_id, attempt, host, user_token, requested_host } = args;
  await db.transaction(async (trx) => {
    const [entry, action] = [await findInstance(trx, instance_id), await findAction(trx, action_id)];
    if (!entry || action?.state !== 'running' || action.attempt !== attempt || entry.host !== host) return;
    const now = isoTime(clock);
    if (args.retriable && requested_host === null && mayTryAgain(action, attempt, clock.now())) {
      const exclude = [...new Set([...(await triedHosts(trx, action_id)), host])];
      await leaveHost(trx, entry, { task_state: 'unshelving' }, now);
      const message = destinationOf(
        { action_id, instance_id },
        { attempt: attempt + 1, exclude, requested_host, user_token },
      );
      await enqueue(trx, rpcClient<SchedulerRpc>(bus, SCHEDULER_QUEUE).message('selectDestination', message));
      return;
    }
    const fault: Fault = {
      code: 500,
      message: args.message.slice(0, 1000),
      details: `host ${host}, attempt ${attempt}\n${args.details}`,
      created: now,
    };
    await endAction(trx, action_id, 'failed', now, 'Error', fault.message);
    await leaveHost(
      trx,
      entry,
      { fault_json: JSON.stringify(fault), ...(args.image_lost ? { vm_state: 'error' } : {}) },
      now,
    );
  });
}

/** What asks the scheduler for a host on which the server is unshelved. */
export function destinationOf(
  ref: ActionRef,
  wish: Pick<DestinationMessage, 'attempt' | 'exclude' | 'requested_host'> & { readonly user_token: string },
): DestinationMessage {
  const { attempt, exclude, requested_host, user_token } = wish;
  return {
    ...ref,
    attempt,
    exclude,
    requested_host,
    migration_uuid: null,
    next: { on: null, method: 'unshelveServer', args: { ...ref, attempt, user_token, requested_host } },
  };
}
