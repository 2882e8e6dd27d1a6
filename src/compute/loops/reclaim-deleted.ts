// Deletes servers for good that were deleted a while ago and could be restored since. Where deletes are at once there are none.
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { ComputeDeps } from '../deps.ts';
import { listAtRest } from '../servers/store.ts';
import { systemMetadataOf } from '../system-metadata.ts';
import { beginOwnAction, type OwnAction } from './own-action.ts';

const INTERVAL_MS = 60_000; // how much later than asked a server may go

export function startReclaimDeleted(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'reclaim-deleted',
    intervalMs: INTERVAL_MS,
    log: deps.log,
    run: async () => reclaimDeleted(deps),
  });
}

const DELETE: OwnAction = {
  action: 'delete',
  from: 'soft-delete',
  task: 'deleting',
  message: (agent, ref) => agent.message('deleteServer', ref),
};

export async function reclaimDeleted(deps: ComputeDeps): Promise<void> {
  const { reclaimInstanceInterval: seconds } = deps.config;
  if (seconds <= 0) return;
  const before = new Date(deps.clock.now() - seconds * 1000).toISOString();
  for (const row of await listAtRest(deps.db.kysely, 'soft-delete'))
    if ((systemMetadataOf(row).soft_deleted_at ?? '') < before) await beginOwnAction(deps, row.id, DELETE);
}
