// The launch as the database sees it: begun by an agent, ended ACTIVE, tried on another host, or ended in ERROR with the reason.
import { enqueue } from '#platform/bus/outbox.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { isoTime } from '#platform/context/clock.ts';
import { saveStep } from '#platform/saga/sql-log.ts';
import { releaseInTransaction } from '#placement/claim.ts';
import type { ComputeDeps, ComputeExecutor } from '../deps.ts';
import {
  SCHEDULER_QUEUE,
  type ActionRef,
  type ConductorRpc,
  type FailedLaunch,
  type Prepared,
  type SchedulerRpc,
} from '../rpc.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import type { Fault, InstanceRow, PowerState } from '../tables.ts';
import { mayTryAgain } from './elsewhere.ts';
import { noteDelivery } from './late-evidence.ts';
import { endAction, entryOf, findAction, findInstance, updateInstance } from './store.ts';

/** What an agent would do again after a power failure, which ends the guests as well, need not wait for the disk. */
const NOT_DURABLE = { durable: false } as const;

export async function prepareLaunch(
  { db, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['prepareLaunch']>[0],
): Promise<Prepared> {
  return db.transaction(async (trx) => {
    if (args.delivery) await noteDelivery(trx, args, args.delivery);
    const [entry, action] = [
      await findInstance(trx, args.instance_id),
      await findAction(trx, args.action_id),
    ];
    if (
      !entry ||
      !action ||
      action.state !== 'running' ||
      action.attempt !== args.attempt ||
      entry.host !== args.host
    )
      return { kind: 'stale' };
    if (action.cancelled === 1) return { kind: 'cancelled' };
    if (entry.task_state === 'scheduling') {
      entry.task_state = 'block_device_mapping';
      await updateInstance(trx, entry.id, { task_state: entry.task_state }, isoTime(clock));
    }
    return { kind: 'go', entry: await entryOf(trx, entry) };
  }, NOT_DURABLE);
}

export async function finishLaunch(
  { db, clock, config }: ComputeDeps,
  args: ActionRef & { readonly power_state: PowerState },
): Promise<void> {
  await db.transaction(async (trx) => {
    const now = isoTime(clock);
    if (!(await endAction(trx, args.action_id, 'done', now))) return;
    const action = await findAction(trx, args.action_id);
    await updateInstance(
      trx,
      args.instance_id,
      {
        vm_state: 'active',
        task_state: null,
        power_state: args.power_state,
        launched_at: now,
        progress: 100,
        admin_password: null,
        fault_json: null,
      },
      now,
    );
    await saveStep(trx, {
      saga_id: args.action_id,
      attempt: action?.attempt ?? 1,
      step: 'ready',
      state: 'running',
      started_at: now,
      ended_at: null,
      deadline_at: new Date(clock.now() + config.launchDeadlineMs).toISOString(),
      actor: 'guest',
      waiting_for: 'the first sign of the guest: its first metadata request or address',
      evidence: {},
      output: null,
      error: null,
    });
  }, NOT_DURABLE);
}

/** Called when the host has unwound. Frees the claim; then another host, or the end. */
export async function failLaunch({ db, bus, clock }: ComputeDeps, args: FailedLaunch): Promise<void> {
  await db.transaction(async (trx) => {
    const [entry, action] = [
      await findInstance(trx, args.instance_id),
      await findAction(trx, args.action_id),
    ];
    if (!entry || !action || action.state !== 'running' || action.attempt !== args.attempt) return;
    await releaseInTransaction(trx, entry.id);
    const now = isoTime(clock);
    const { action_id, instance_id, attempt, user_token } = args;
    if (args.retriable && mayTryAgain(action, attempt, clock.now())) {
      const exclude = [...new Set([...(await triedHosts(trx, action_id)), args.host])];
      await updateInstance(
        trx,
        instance_id,
        { host: null, node: null, task_state: 'scheduling', vifs_json: '[]' },
        now,
      );
      await trx
        .updateTable('instance_actions')
        .set({ attempt: attempt + 1, host: null })
        .where('id', '=', action_id)
        .execute();
      const scheduler = rpcClient<SchedulerRpc>(bus, SCHEDULER_QUEUE);
      await enqueue(
        trx,
        scheduler.message('selectHost', {
          action_id,
          instance_id,
          attempt: attempt + 1,
          user_token,
          exclude,
        }),
      );
      return;
    }
    await endLaunchInError(trx, entry, action_id, faultOf(args, now), now);
  });
}

/** The hosts on which earlier attempts of a launch, or of an unshelve, failed: their actors, `compute.<host>`. */
export async function triedHosts(trx: ComputeExecutor, actionId: string): Promise<string[]> {
  const steps = await listSteps(trx, [actionId]);
  return steps
    .filter((step) => step.actor.startsWith('compute.'))
    .map((step) => step.actor.slice('compute.'.length));
}

function faultOf(args: FailedLaunch, now: string): Fault {
  const tries = args.attempt > 1 ? ` (${args.attempt} hosts tried)` : '';
  return {
    code: 500,
    message: `Launch failed at ${args.failed_step}${tries}: ${args.message}`.slice(0, 1000),
    details: `host ${args.host}, attempt ${args.attempt}\n${args.details}`,
    created: now,
  };
}

/** A delete that is under way keeps its task state. */
export async function endLaunchInError(
  trx: ComputeExecutor,
  entry: InstanceRow,
  actionId: string,
  fault: Fault,
  now: string,
): Promise<void> {
  await endAction(trx, actionId, 'failed', now, 'Error', fault.message);
  await updateInstance(
    trx,
    entry.id,
    {
      vm_state: 'error',
      power_state: 0,
      host: null,
      node: null,
      vifs_json: '[]',
      admin_password: null,
      fault_json: JSON.stringify(fault),
      ...(entry.task_state === 'deleting' ? {} : { task_state: null }),
    },
    now,
  );
}
