// `confirmResize`: the resize or migration stands. What was kept for a way back is given up, at once in the books and by a
// message on the host.
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { confirmInTransaction } from '#compute/conductor/moves.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { ChangedMeanwhile } from '#compute/errors.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { recordAction } from '../action-record.ts';
import { admitAction } from '../begin-action.ts';
import { requireMoved, stateAfterMove } from '../moves/moved.ts';
import { compareAndSet } from '../store.ts';

const RULE = 'os_compute_api:servers:confirm_resize';

export async function confirmResize(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const row = await admitAction(call, deps, {
    action: 'confirmResize',
    rule: RULE,
    from: { vm: ['resized'] },
  });
  await deps.db.transaction(async (trx) => {
    const now = isoTime(deps.clock);
    const migration = await requireMoved(trx, row.id);
    const changes: Partial<InstanceRow> = { vm_state: stateAfterMove(row), updated_at: now };
    if (!(await compareAndSet(trx, row, changes))) throw new ChangedMeanwhile(row.id);
    await recordAction(trx, call, deps, {
      instanceId: row.id,
      action: 'confirmResize',
      host: row.host,
      deadlineMs: deps.config.actionDeadlineMs,
      rule: RULE,
      handledAt,
      done: true,
    });
    await confirmInTransaction(deps, trx, migration, now);
  });
  return new Reply(204);
}
