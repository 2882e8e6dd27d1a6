// A delete that can be taken back for a while: the server is stopped and left out of lists. Only where the operator wants it.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { commitAction } from './begin-action.ts';
import { findServer, mayOverrideLock } from './find-server.ts';
import { checkLock } from './states.ts';
import { cancelActions } from './store.ts';

/** @returns false for a server that never ran or is on no host: of it there is nothing to bring back */
export async function softDelete(call: Call, deps: ComputeDeps, rule: string): Promise<boolean> {
  if (deps.config.reclaimInstanceInterval <= 0) return false;
  const handledAt = deps.clock.now();
  const row = await findServer(call, deps, rule);
  checkLock(row, mayOverrideLock(call));
  if (row.vm_state === 'soft-delete' || row.task_state === 'soft-deleting') return true;
  if (row.host === null || row.launched_at === null) return false;
  await commitAction(
    call,
    deps,
    row,
    {
      action: 'soft_delete',
      rule,
      from: {},
      task: 'soft-deleting',
      also: async (trx) => cancelActions(trx, row.id),
      message: (agent, ref) => agent.message('softDeleteServer', ref),
    },
    handledAt,
  );
  return true;
}
