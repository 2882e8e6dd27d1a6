// No action outlives its deadline: one that an agent cannot end any more is ended here, with the reason.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import { releaseInTransaction } from '#placement/claim.ts';
import { finishDelete } from '../conductor/actions.ts';
import { tryReleaseVolumes } from '../conductor/delete-without-host.ts';
import { endLaunchInError } from '../conductor/launch.ts';
import { expireLiveMigration } from '../conductor/live-migrations.ts';
import { undoMoveInTransaction } from '../conductor/moves.ts';
import { leaveHost } from '../conductor/shelve.ts';
import { endAction, findInstance, updateInstance } from '../conductor/store.ts';
import type { ComputeDeps } from '../deps.ts';
import { releasePorts } from '../host/ports.ts';
import { removeShelvedImage } from '../host/shelved-image.ts';
import { agentQueue, type AgentRpc } from '../rpc.ts';
import { findOpenMigration, updateMigration } from '../server-migrations/store.ts';
import type { Transaction } from 'kysely';
import type { ComputeTables, Fault, InstanceActionRow } from '../tables.ts';

export function startExpireActions(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'expire-actions',
    intervalMs: deps.config.expiryIntervalMs,
    log: deps.log,
    run: async () => expireActions(deps),
  });
}

export async function expireActions(deps: ComputeDeps): Promise<void> {
  const { db, clock, config } = deps;
  const late = new Date(clock.now() - config.expiryGraceMs).toISOString();
  const actions = await db.kysely
    .selectFrom('instance_actions')
    .selectAll()
    .where('state', '=', 'running')
    .where('deadline_at', '<', late)
    .execute();
  for (const action of actions) {
    const hostIsDown = await hasNoHost(deps, action);
    if (action.action === 'delete' && hostIsDown) await deleteHere(deps, action);
    else await db.transaction(async (trx) => expire(deps, trx, action, hostIsDown));
  }
}

/** Its host was not heard of for so long that it is down; or it has none. */
async function hasNoHost({ db, clock, config }: ComputeDeps, action: InstanceActionRow): Promise<boolean> {
  const entry = await findInstance(db.kysely, action.instance_id);
  if (!entry || entry.host === null) return true;
  const service = await db.kysely
    .selectFrom('compute_services')
    .select('last_seen_at')
    .where('host', '=', entry.host)
    .executeTakeFirst();
  return !service || Date.parse(service.last_seen_at) + config.serviceDownMs < clock.now();
}

/** Without the host: when it comes back, its audit removes the guest and its files. */
async function deleteHere(deps: ComputeDeps, action: InstanceActionRow): Promise<void> {
  await releasePorts(deps, action.instance_id);
  await tryReleaseVolumes(deps, action.instance_id);
  const entry = await findInstance(deps.db.kysely, action.instance_id);
  if (entry) await removeShelvedImage(deps, entry);
  await finishDelete(deps, { action_id: action.id, instance_id: action.instance_id });
}

async function expire(
  { bus, clock }: ComputeDeps,
  trx: Transaction<ComputeTables>,
  action: InstanceActionRow,
  hostIsDown: boolean,
): Promise<void> {
  const now = isoTime(clock);
  const fault = await lateFault(trx, action, now);
  const entry = await findInstance(trx, action.instance_id);
  const ref = { action_id: action.id, instance_id: action.instance_id };
  const tellHost = async (method: 'cleanUpServer' | 'callOffAction'): Promise<void> => {
    if (entry?.host)
      await enqueue(trx, rpcClient<AgentRpc>(bus, agentQueue(entry.host)).message(method, ref));
  };
  if (entry && action.action === 'create') {
    await releaseInTransaction(trx, entry.id);
    await endLaunchInError(trx, entry, action.id, fault, now);
    return tellHost('cleanUpServer');
  }
  const moving = entry && MOVES.has(action.action) ? await findOpenMigration(trx, entry.id) : undefined;
  if (entry && moving?.migration_type === 'live-migration') {
    const late = { row: entry, migration: moving, action };
    if (await expireLiveMigration({ clock, bus }, trx, late, { hostIsDown, fault })) return;
  }
  await endAction(trx, action.id, 'failed', now, 'Error', fault.message);
  if (!entry) return;
  if (action.action === 'unshelve' && entry.vm_state === 'shelved_offloaded') {
    // It stays shelved: whatever of it is on a host goes with the audit of that.
    await leaveHost(trx, entry, { fault_json: JSON.stringify(fault) }, now);
    return tellHost('callOffAction');
  }
  const isDelete = action.action === 'delete';
  if (moving && action.action === 'revertResize')
    await updateMigration(trx, moving.uuid, { status: 'finished' }, now);
  else if (moving) await undoMoveInTransaction({ clock }, trx, entry, moving);
  await updateInstance(
    trx,
    entry.id,
    {
      fault_json: JSON.stringify(fault),
      // A delete that was given up keeps its host and its claim: the guest may be there, and it may be deleted again.
      // Of a server that was moving it is not known whether it runs: its host unwinds the move when it can.
      ...(isDelete || moving ? { vm_state: 'error' as const } : {}),
      ...(isDelete || entry.task_state !== 'deleting' ? { task_state: null } : {}),
    },
    now,
  );
  await tellHost('callOffAction');
  // An evacuation is under way where the server is to be.
  if (moving?.dest_compute && action.action === 'evacuate')
    await enqueue(
      trx,
      rpcClient<AgentRpc>(bus, agentQueue(moving.dest_compute)).message('callOffAction', ref),
    );
}

const MOVES = new Set(['resize', 'migrate', 'live-migration', 'revertResize', 'evacuate']);

async function lateFault(
  trx: Transaction<ComputeTables>,
  action: InstanceActionRow,
  now: string,
): Promise<Fault> {
  const step = (await listSteps(trx, [action.id])).findLast(
    (each) => each.state === 'running' || each.state === 'undoing',
  );
  const where = step
    ? `${step.step}${step.waiting_for ? `, waiting for ${step.waiting_for}` : ''}`
    : 'a message to be taken up';
  return {
    code: 500,
    message: `The ${action.action} did not end within its time: it hung in ${where}.`,
    details: step ? `attempt ${step.attempt}, ${step.actor}` : `host ${action.host ?? 'not chosen'}`,
    created: now,
  };
}
