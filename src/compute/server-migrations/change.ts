// What can be done with a live migration that goes on: it is called off, or made to end.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { callOff, endQueued } from '#compute/conductor/live-migrations.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { InvalidInput, InvalidState, NotFound } from '#compute/errors.ts';
import { agentQueue, type AgentRpc } from '#compute/rpc.ts';
import { recordAction } from '#compute/servers/action-record.ts';
import { findServer, mayOverrideLock } from '#compute/servers/find-server.ts';
import { checkLock, checkState } from '#compute/servers/states.ts';
import { findInstance, findRunningAction } from '#compute/servers/store.ts';
import type { InstanceActionRow, InstanceRow } from '#compute/tables.ts';
import type { MigrationRow, MigrationStatus } from './tables.ts';
import { findMigrationOf, isMigrationNumber } from './store.ts';

/** The live migration that a request is about, as one transaction sees it. */
interface Going {
  readonly row: InstanceRow;
  readonly migration: MigrationRow;
  readonly action: InstanceActionRow;
}

/** @param may statuses in which it may be done. @throws InvalidState, InvalidInput; NotFound when there is none such */
async function goingOn(
  call: Call,
  trx: ComputeExecutor,
  id: string,
  { verb, may }: { readonly verb: string; readonly may: readonly MigrationStatus[] },
): Promise<Going> {
  const wanted = call.params['migration'] ?? '';
  const row = await findInstance(trx, id);
  // As upstream: the state is looked at before the migration, if that is one that there could be.
  if (row && isMigrationNumber(wanted)) {
    checkLock(row, mayOverrideLock(call));
    checkState(verb, row, { task: ['migrating'] });
  }
  const migration = await findMigrationOf(trx, id, wanted);
  if (!row || !migration)
    throw new NotFound(
      `Migration ${wanted.slice(0, 255)} not found for instance ${id}.`,
      'no-such-migration',
    );
  if (migration.migration_type !== 'live-migration' || !may.includes(migration.status))
    throw new InvalidInput(
      `Migration ${migration.id} of instance ${id} is ${migration.status}: can not ${verb} it now.`,
      'migration-state',
    );
  const action = await findRunningAction(trx, id, 'live-migration');
  if (!action) throw new InvalidState(verb, id, 'task_state', String(row.task_state));
  return { row, migration, action };
}

export async function abort(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const rule = 'os_compute_api:servers:migrations:delete';
  const { id } = await findServer(call, deps, rule);
  const early: MigrationStatus[] = atLeast(call.microversion, '2.65') ? ['queued', 'preparing'] : [];
  const verb = { verb: 'abort live migration', may: [...early, 'running'] as const };
  await deps.db.transaction(async (trx) => {
    const { row, migration, action } = await goingOn(call, trx, id, verb);
    const record = { instanceId: id, action: 'live_migration_cancel', host: row.host, rule, handledAt };
    await recordAction(trx, call, deps, { ...record, deadlineMs: deps.config.actionDeadlineMs, done: true });
    const how = { status: 'cancelled', reason: 'called off while it waited' } as const;
    if (migration.status === 'queued')
      await endQueued(deps, trx, { row, migration, actionId: action.id }, how);
    else await callOff(deps, trx, migration, action.id);
  });
}

export async function forceComplete(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const rule = 'os_compute_api:servers:migrations:force_complete';
  const { id } = await findServer(call, deps, rule);
  await deps.db.transaction(async (trx) => {
    const { row, migration } = await requireRunning(call, trx, id);
    const ref = await recordAction(trx, call, deps, {
      instanceId: id,
      action: 'live_migration_force_complete',
      host: row.host,
      deadlineMs: deps.config.actionDeadlineMs,
      rule,
      handledAt,
    });
    const agent = rpcClient<AgentRpc>(deps.bus, agentQueue(migration.source_compute));
    await enqueue(trx, agent.message('forceCompleteMigration', ref));
  });
}

/** Upstream does not tell one that is not there from one that can not be forced. */
async function requireRunning(call: Call, trx: ComputeExecutor, id: string): Promise<Going> {
  try {
    return await goingOn(call, trx, id, { verb: 'force complete live migration', may: ['running'] });
  } catch (error) {
    if (error instanceof NotFound) throw new InvalidInput(error.message, error.code);
    throw error;
  }
}
