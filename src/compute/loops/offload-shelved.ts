// Takes shelved servers off their hosts when their time there is over. Where they leave at once or never it has nothing to do.
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { ComputeDeps } from '../deps.ts';
import { listAtRest } from '../servers/store.ts';
import { systemMetadataOf } from '../system-metadata.ts';
import { beginOwnAction, type OwnAction } from './own-action.ts';

const INTERVAL_MS = 60_000; // how much later than asked a server may leave

export function startOffloadShelved(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'offload-shelved',
    intervalMs: INTERVAL_MS,
    log: deps.log,
    run: async () => offloadShelved(deps),
  });
}

const OFFLOAD: OwnAction = {
  action: 'shelveOffload',
  from: 'shelved',
  task: 'shelving_offloading',
  message: (agent, ref) => agent.message('offloadServer', ref),
};

export async function offloadShelved(deps: ComputeDeps): Promise<void> {
  const { shelvedOffloadTime: seconds } = deps.config;
  if (seconds <= 0) return;
  const before = new Date(deps.clock.now() - seconds * 1000).toISOString();
  for (const row of await listAtRest(deps.db.kysely, 'shelved'))
    if ((systemMetadataOf(row).shelved_at ?? '') < before) await beginOwnAction(deps, row.id, OFFLOAD);
}
