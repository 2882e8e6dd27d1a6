// How actions on an existing server begin and end in the database.
import { isoTime } from '#platform/context/clock.ts';
import { closeSteps } from '#platform/saga/sql-log.ts';
import { releaseInTransaction } from '#placement/claim.ts';
import type { ComputeDeps } from '../deps.ts';
import type { ActionRef, ConductorRpc, Prepared } from '../rpc.ts';
import type { Fault } from '../tables.ts';
import { endOpenMove } from './moves.ts';
import { endAction, findAction, findEntry, findInstance, updateInstance } from './store.ts';

export async function loadEntry(
  { db }: ComputeDeps,
  args: Parameters<ConductorRpc['loadEntry']>[0],
): Promise<Prepared> {
  const [entry, action] = [
    await findEntry(db.kysely, args.instance_id),
    await findAction(db.kysely, args.action_id),
  ];
  if (!entry || !action || action.state !== 'running') return { kind: 'stale' };
  if (args.attempt !== undefined && action.attempt !== args.attempt) return { kind: 'stale' };
  return action.cancelled === 1 ? { kind: 'cancelled' } : { kind: 'go', entry };
}

export async function finishAction(
  { db, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['finishAction']>[0],
): Promise<void> {
  await db.transaction(async (trx) => {
    const now = isoTime(clock);
    if (!(await endAction(trx, args.action_id, 'done', now))) return;
    const entry = await findInstance(trx, args.instance_id);
    if (!entry) return;
    await updateInstance(
      trx,
      entry.id,
      {
        ...args.changes,
        vm_state: args.vm_state,
        power_state: args.power_state,
        admin_password: null,
        ...(entry.task_state === 'deleting' ? {} : { task_state: null }),
      },
      now,
    );
  });
}

export async function failAction(
  { db, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['failAction']>[0],
): Promise<void> {
  await db.transaction(async (trx) => {
    const now = isoTime(clock);
    if (!(await endAction(trx, args.action_id, 'failed', now, 'Error'))) return;
    const entry = await findInstance(trx, args.instance_id);
    if (!entry) return;
    const fault: Fault = {
      code: 500,
      message: args.message.slice(0, 1000),
      details: args.details,
      created: now,
    };
    await updateInstance(
      trx,
      entry.id,
      {
        fault_json: JSON.stringify(fault),
        admin_password: null,
        ...(args.vm_state === undefined ? {} : { vm_state: args.vm_state }),
        ...(args.power_state === undefined ? {} : { power_state: args.power_state }),
        ...(entry.task_state === 'deleting' ? {} : { task_state: null }),
      },
      now,
    );
  });
}

/** Closes the entry and frees its claim, in one transaction. */
export async function finishDelete(
  deps: Pick<ComputeDeps, 'db' | 'clock' | 'bus'>,
  args: ActionRef,
): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const now = isoTime(deps.clock);
    await endAction(trx, args.action_id, 'done', now);
    await releaseInTransaction(trx, args.instance_id);
    await endOpenMove(deps, trx, args.instance_id);
    await trx
      .updateTable('instance_actions')
      .set({ state: 'failed', finished_at: now, message: 'Error', cancelled: 1 })
      .where('instance_id', '=', args.instance_id)
      .where('state', '=', 'running')
      .execute();
    const actions = await trx
      .selectFrom('instance_actions')
      .select('id')
      .where('instance_id', '=', args.instance_id)
      .execute();
    await closeSteps(
      trx,
      actions.map((action) => action.id),
      { now, reason: 'the server was deleted' },
    );
    await trx.deleteFrom('console_tokens').where('instance_id', '=', args.instance_id).execute();
    await updateInstance(
      trx,
      args.instance_id,
      {
        vm_state: 'deleted',
        task_state: null,
        power_state: 0,
        deleted: 1,
        deleted_at: now,
        terminated_at: now,
        vifs_json: '[]',
        admin_password: null,
      },
      now,
    );
  });
}
