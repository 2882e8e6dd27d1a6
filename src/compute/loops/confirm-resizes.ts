// Confirms resizes and migrations that nobody confirmed or took back within the time that an operator gives them, so that
// what both hosts hold is not held for ever. Off as a rule.
import { isoTime } from '#platform/context/clock.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { confirmInTransaction } from '../conductor/moves.ts';
import type { ComputeDeps } from '../deps.ts';
import { listUnconfirmedMigrations } from '../server-migrations/store.ts';
import { stateAfterMove } from '../servers/moves/moved.ts';
import { compareAndSet, findInstance, insertAction } from '../servers/store.ts';
import type { MigrationRow } from '../server-migrations/tables.ts';

export function startConfirmResizes(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'confirm-resizes',
    intervalMs: deps.config.confirmIntervalMs,
    log: deps.log,
    run: async () => confirmResizes(deps),
  });
}

export async function confirmResizes(deps: ComputeDeps): Promise<void> {
  const { resizeConfirmWindowMs: windowMs } = deps.config;
  if (windowMs === 0) return;
  const before = new Date(deps.clock.now() - windowMs).toISOString();
  for (const migration of await listUnconfirmedMigrations(deps.db.kysely, before))
    await confirm(deps, migration);
}

/** Under the name of who asked for the move; one that somebody acts on meanwhile is left alone. */
async function confirm(deps: ComputeDeps, migration: MigrationRow): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const row = await findInstance(trx, migration.instance_id);
    if (row?.vm_state !== 'resized' || row.task_state !== null) return;
    const now = isoTime(deps.clock);
    if (!(await compareAndSet(trx, row, { vm_state: stateAfterMove(row), updated_at: now }))) return;
    await insertAction(trx, {
      id: crypto.randomUUID(),
      instance_id: row.id,
      action: 'confirmResize',
      request_id: `req-${crypto.randomUUID()}`,
      user_id: migration.user_id,
      project_id: migration.project_id,
      message: null,
      state: 'done',
      host: row.host,
      attempt: 1,
      deadline_at: now,
      cancelled: 0,
      request_json: '{}',
      traceparent: '',
      started_at: now,
      finished_at: now,
    });
    await confirmInTransaction(deps, trx, migration, now);
  });
}
