// The frame of every operation on an existing guest: find the entry, do one recorded step, tell the conductor how it ended.
import { runSaga } from '#platform/saga/run-saga.ts';
import { causeChain, DomainError } from '#platform/errors/domain-error.ts';
import type { StepContext } from '#platform/saga/saga.ts';
import type { ActionRef, InstanceEntry } from '../rpc.ts';
import type { InstanceRow, PowerState, VmState } from '../tables.ts';
import type { HostDeps } from './deps.ts';
import { sagaRun } from './saga-run.ts';

/** The states that an operation ends in. */
export interface OperationResult {
  readonly vm_state: VmState;
  readonly power_state: PowerState;
  readonly changes?: Partial<InstanceRow>;
}

export interface Operation {
  /** The event's name in the action: `guest.stop`. */
  readonly step: string;
  readonly deadlineMs: number;
  /** Idempotent. */
  readonly do: (
    entry: InstanceEntry,
    context: StepContext<ActionRef, Record<string, OperationResult>>,
  ) => Promise<OperationResult>;
  /** Puts the guest back when `do` failed half-way. */
  readonly undo?: (entry: InstanceEntry) => Promise<void>;
  /** States after a failure; as they were when absent. */
  readonly failedState?: Pick<OperationResult, 'vm_state' | 'power_state'>;
}

export async function runOperation(deps: HostDeps, message: ActionRef, operation: Operation): Promise<void> {
  const loaded = await deps.conductor.call('loadEntry', message);
  if (loaded.kind !== 'go') return;
  const { entry } = loaded;
  const ref: ActionRef = { action_id: message.action_id, instance_id: message.instance_id };
  const { undo } = operation;
  using work = deps.cancellations.begin(ref);
  const outcome = await runSaga<ActionRef, Record<string, OperationResult>>(
    {
      name: operation.step,
      steps: [
        {
          name: operation.step,
          needs: [],
          deadlineMs: operation.deadlineMs,
          do: async (context) => {
            await deps.inject.before(operation.step, {
              host: deps.config.host,
              serverName: entry.name,
              signal: context.signal,
            });
            return operation.do(entry, context);
          },
          ...(undo ? { undo: async () => undo(entry) } : {}),
        },
      ],
    },
    sagaRun(deps, ref, { cancel: work.signal }),
  );
  if (outcome.kind === 'done') {
    const result = outcome.outputs[operation.step];
    if (result) await deps.conductor.call('finishAction', { ...ref, ...result });
    return;
  }
  const { cause } = outcome;
  deps.log.warn(
    { server_id: ref.instance_id, step: operation.step, causes: causeChain(cause) },
    'operation failed',
  );
  await deps.conductor.call('failAction', {
    ...ref,
    message: reasonOf(cause),
    details: causeChain(cause).join('\n'),
    ...operation.failedState,
  });
}

/** What a user reads: a refusal's own words; of a bug only that there is one. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error && (cause instanceof DomainError || 'code' in cause)
    ? cause.message
    : 'an unexpected error; the request id names it in the logs';
}

/** ` (2 hosts tried)`, once there was more than one. */
export const triesOf = (attempt: number): string => (attempt > 1 ? ` (${attempt} hosts tried)` : '');
