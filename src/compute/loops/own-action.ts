// Actions on servers that nobody asks for: loops begin them when their time has come, and their records say so like any other's.
import { rpcClient, type Message, type RpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { findInstance, updateInstance } from '../conductor/store.ts';
import type { ComputeDeps } from '../deps.ts';
import { agentQueue, type ActionRef, type AgentRpc } from '../rpc.ts';
import { insertAction } from '../servers/store.ts';
import type { InstanceRow, TaskState, VmState } from '../tables.ts';

export interface OwnAction {
  readonly action: string;
  readonly from: VmState;
  readonly task: TaskState;
  readonly message: (agent: Pick<RpcClient<AgentRpc>, 'message'>, ref: ActionRef) => Message;
}

/** Nothing happens when somebody else acts on the server, or it has no host. */
export async function beginOwnAction(
  { db, bus, clock, config }: ComputeDeps,
  id: string,
  { action, from, task, message }: OwnAction,
): Promise<void> {
  await db.transaction(async (trx) => {
    const row = await findInstance(trx, id);
    if (!row || row.vm_state !== from || row.task_state !== null || row.host === null) return;
    const now = isoTime(clock);
    await updateInstance(trx, id, { task_state: task }, now);
    const record = {
      ...recordOf(row, now),
      action,
      deadline_at: new Date(clock.now() + config.actionDeadlineMs).toISOString(),
    };
    await insertAction(trx, record);
    const agent = rpcClient<AgentRpc>(bus, agentQueue(row.host));
    await enqueue(trx, message(agent, { action_id: record.id, instance_id: id }));
  });
}

function recordOf(
  row: InstanceRow,
  now: string,
): Omit<Parameters<typeof insertAction>[1], 'action' | 'deadline_at'> {
  return {
    id: crypto.randomUUID(),
    instance_id: row.id,
    request_id: `req-${crypto.randomUUID()}`,
    user_id: row.user_id,
    project_id: row.project_id,
    message: null,
    state: 'running',
    host: row.host,
    attempt: 1,
    cancelled: 0,
    request_json: JSON.stringify({ hops: [] }),
    traceparent: '',
    started_at: now,
    finished_at: null,
  };
}
