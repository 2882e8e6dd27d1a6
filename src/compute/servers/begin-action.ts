// How every action on a server begins: find, policy, lock and state, then one transaction that sets the task by
// compare-and-set, records the action and stores the message to the agent.
import { rpcClient, type Message, type RpcClient } from '#platform/bus/bus.ts';
import type { Call, Handler } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { ChangedMeanwhile } from '#compute/errors.ts';
import { agentQueue, type ActionRef, type AgentRpc } from '#compute/rpc.ts';
import type { InstanceRow, TaskState } from '#compute/tables.ts';
import { recordAction, sendWith } from './action-record.ts';
import { findServer, mayOverrideLock } from './find-server.ts';
import { checkLock, checkState, type StateRule } from './states.ts';
import { compareAndSet } from './store.ts';

type AgentClient = Pick<RpcClient<AgentRpc>, 'message'>;

export interface ActionSpec {
  /** Upstream's word for the action, in its record and its refusals: `stop`. */
  readonly action: string;
  readonly rule: string;
  readonly from: StateRule;
  /** Absent: the task stays as it is. */
  readonly task?: TaskState;
  readonly message: (agent: AgentClient, ref: ActionRef) => Message;
  /** Beside the task. */
  readonly changes?: Partial<InstanceRow>;
  readonly deadlineMs?: number;
  /** Runs in the same transaction, before the message is stored. */
  readonly also?: (trx: ComputeExecutor) => Promise<void>;
  /** The same, once the action is recorded: what it is to answer for. */
  readonly recorded?: (trx: ComputeExecutor, ref: ActionRef) => Promise<void>;
}

/** The server, when policy, lock and state allow the action. */
export async function admitAction(
  call: Call,
  deps: ComputeDeps,
  spec: Pick<ActionSpec, 'action' | 'rule' | 'from'>,
): Promise<InstanceRow> {
  const row = await findServer(call, deps, spec.rule);
  checkLock(row, mayOverrideLock(call));
  checkState(spec.action, row, { host: true, ...spec.from });
  return row;
}

/** Commits the action on `row`, which `admitAction` gave. @throws ChangedMeanwhile when another request was faster */
export async function commitAction(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  spec: ActionSpec,
  handledAt: number,
): Promise<ActionRef> {
  return deps.db.transaction(async (trx) => {
    const written = await compareAndSet(trx, row, {
      ...spec.changes,
      ...(spec.task ? { task_state: spec.task } : {}),
      updated_at: new Date(deps.clock.now()).toISOString(),
    });
    if (!written) throw new ChangedMeanwhile(row.id);
    await spec.also?.(trx);
    const ref = await recordAction(trx, call, deps, {
      instanceId: row.id,
      action: spec.action,
      host: row.host,
      deadlineMs: spec.deadlineMs ?? deps.config.actionDeadlineMs,
      rule: spec.rule,
      handledAt,
    });
    await spec.recorded?.(trx, ref);
    await sendWith(trx, spec.message(rpcClient<AgentRpc>(deps.bus, agentQueue(row.host ?? '')), ref));
    return ref;
  });
}

/** A whole handler for an action that takes nothing but the server. */
export function simpleAction(spec: ActionSpec): Handler<ComputeDeps> {
  return async (call, deps) => {
    const handledAt = deps.clock.now();
    const row = await admitAction(call, deps, spec);
    await commitAction(call, deps, row, spec, handledAt);
  };
}
