// Starts an action on a server: its record and the message that does it, in the caller's transaction.
import { enqueue } from '#platform/bus/outbox.ts';
import type { Message } from '#platform/bus/bus.ts';
import { currentContext, traceparentOf } from '#platform/context/request-context.ts';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import type { ActionRef } from '#compute/rpc.ts';
import type { InstanceActionRow } from '#compute/tables.ts';
import { requestHops, type BuildParameters } from './create/evidence.ts';
import { insertAction } from './store.ts';

export interface ActionStart {
  readonly instanceId: string;
  /** Upstream's word: `create`, `stop`, `reboot` … */
  readonly action: string;
  readonly host: string | null;
  readonly deadlineMs: number;
  /** The policy rule that allowed it. */
  readonly rule: string;
  readonly handledAt: number;
  readonly build?: BuildParameters;
  /** True for what is over when the transaction commits: locking. */
  readonly done?: boolean;
}

/** The action that the call begins now, not stored yet. */
export function newAction(call: Call, deps: ComputeDeps, start: ActionStart): InstanceActionRow {
  const now = deps.clock.now();
  const context = currentContext();
  const at = new Date(now).toISOString();
  return {
    id: crypto.randomUUID(),
    instance_id: start.instanceId,
    action: start.action,
    request_id: call.requestId,
    user_id: call.principal.userId,
    project_id: call.principal.projectId ?? '',
    message: null,
    state: start.done ? 'done' : 'running',
    host: start.host,
    attempt: 1,
    deadline_at: new Date(now + start.deadlineMs).toISOString(),
    cancelled: 0,
    request_json: JSON.stringify({
      hops: requestHops(call, start.handledAt, now, start.rule, {
        instance_id: start.instanceId,
        ...(start.build ? { build: start.build } : {}),
      }),
    }),
    traceparent: context ? traceparentOf(context) : '',
    started_at: at,
    finished_at: start.done ? at : null,
  };
}

/** @returns what the message needs to name the action. Call it within a transaction. */
export async function recordAction(
  trx: ComputeExecutor,
  call: Call,
  deps: ComputeDeps,
  start: ActionStart,
): Promise<ActionRef> {
  const row = newAction(call, deps, start);
  await insertAction(trx, row);
  return { action_id: row.id, instance_id: row.instance_id };
}

/** Stores the message beside the action that it carries out. */
export async function sendWith(trx: ComputeExecutor, message: Message): Promise<void> {
  await enqueue(trx, message);
}
