// `unlock`: takes the lock away. An administrator's lock is opened by administrators only.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { recordAction } from '../action-record.ts';
import { findServer } from '../find-server.ts';
import { updateInstance } from '../store.ts';

const RULE = 'os_compute_api:os-lock-server:unlock';

export async function unlockServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const row = await findServer(call, deps, RULE);
  if (row.locked_by === 'admin') {
    call.enforce(`${RULE}:unlock_override`, { project_id: row.project_id, user_id: row.user_id });
  }
  await deps.db.transaction(async (trx) => {
    await updateInstance(trx, row.id, { locked: 0, locked_by: null, locked_reason: null });
    await recordAction(trx, call, deps, {
      instanceId: row.id,
      action: 'unlock',
      host: row.host,
      deadlineMs: 0,
      rule: RULE,
      handledAt,
      done: true,
    });
  });
}
