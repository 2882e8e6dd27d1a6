// Takes shelved servers off their hosts when their time there is over. Where they leave at once or never it has nothing to do.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { findInstance, updateInstance } from '../conductor/store.ts';
import type { ComputeDeps } from '../deps.ts';
import { agentQueue, type AgentRpc } from '../rpc.ts';
import { insertAction, listAtRest } from '../servers/store.ts';
import { systemMetadataOf } from '../system-metadata.ts';
import type { InstanceRow } from '../tables.ts';

const INTERVAL_MS = 60_000; // how much later than asked a server may leave

export function startOffloadShelved(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'offload-shelved',
    intervalMs: INTERVAL_MS,
    log: deps.log,
    run: async () => offloadShelved(deps),
  });
}

export async function offloadShelved(deps: ComputeDeps): Promise<void> {
  const { shelvedOffloadTime: seconds } = deps.config;
  if (seconds <= 0) return;
  const before = new Date(deps.clock.now() - seconds * 1000).toISOString();
  for (const row of await listAtRest(deps.db.kysely, 'shelved'))
    if ((systemMetadataOf(row).shelved_at ?? '') < before) await offload(deps, row.id);
}

async function offload({ db, bus, clock, config }: ComputeDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const row = await findInstance(trx, id);
    if (!row || row.vm_state !== 'shelved' || row.task_state !== null || row.host === null) return;
    const now = isoTime(clock);
    await updateInstance(trx, id, { task_state: 'shelving_offloading' }, now);
    const action = byItself(row, now, new Date(clock.now() + config.actionDeadlineMs).toISOString());
    await insertAction(trx, action);
    const ref = { action_id: action.id, instance_id: id };
    await enqueue(trx, rpcClient<AgentRpc>(bus, agentQueue(row.host)).message('offloadServer', ref));
  });
}

/** An action that nobody asked for. */
function byItself(row: InstanceRow, now: string, deadline_at: string): Parameters<typeof insertAction>[1] {
  return {
    id: crypto.randomUUID(),
    instance_id: row.id,
    action: 'shelveOffload',
    request_id: `req-${crypto.randomUUID()}`,
    user_id: row.user_id,
    project_id: row.project_id,
    message: null,
    state: 'running',
    host: row.host,
    attempt: 1,
    deadline_at,
    cancelled: 0,
    request_json: JSON.stringify({ hops: [] }),
    traceparent: '',
    started_at: now,
    finished_at: null,
  };
}
