// The frame of an action of several steps on an existing guest: find the entry, run the saga that undoes itself, tell the
// conductor how it ended. What has one step uses run-operation.ts.
import { runSaga } from '#platform/saga/run-saga.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { AnyStep, Saga, Step } from '#platform/saga/saga.ts';
import type { ActionRef, InstanceEntry } from '../rpc.ts';
import type { HostDeps } from './deps.ts';
import { sagaRun } from './saga-run.ts';
import { reasonOf, type OperationResult } from './run-operation.ts';

export interface ServerAction<M extends ActionRef, O> {
  readonly saga: (entry: InstanceEntry) => Saga<M, O>;
  /** The states that it ends in; undefined when it has told the conductor itself. */
  readonly result: (outputs: O, entry: InstanceEntry) => Promise<OperationResult | undefined>;
  /** States when not everything could be undone; as they were when it could. */
  readonly failedState?: Pick<OperationResult, 'vm_state' | 'power_state'>;
}

export async function runAction<M extends ActionRef, O>(
  deps: HostDeps,
  message: M,
  action: ServerAction<M, O>,
): Promise<void> {
  const ref: ActionRef = { action_id: message.action_id, instance_id: message.instance_id };
  const loaded = await deps.conductor.call('loadEntry', ref);
  if (loaded.kind !== 'go') return;
  const { entry } = loaded;
  using work = deps.cancellations.begin(ref);
  const saga = action.saga(entry);
  const outcome = await runSaga<M, O>(
    { ...saga, steps: saga.steps.map((step) => injectable(deps, entry, step)) },
    sagaRun(deps, message, { cancel: work.signal }),
  );
  if (outcome.kind === 'done') {
    const result = await action.result(outcome.outputs, entry);
    if (result) await deps.conductor.call('finishAction', { ...ref, ...result });
    return;
  }
  const { cause, failedStep, undoFailures } = outcome;
  const undone = undoFailures.map((failure) => `${failure.step}: ${causeChain(failure.cause).join('; ')}`);
  deps.log.warn(
    { server_id: ref.instance_id, step: failedStep, causes: causeChain(cause), undo_failures: undone },
    'action failed',
  );
  await deps.conductor.call('failAction', {
    ...ref,
    message: reasonOf(cause),
    details: [...causeChain(cause), ...undone].join('\n'),
    ...(undone.length > 0 ? action.failedState : {}),
  });
}

/** A step before which behaviours that a test asks for take place. */
export function injectable<M, O>(deps: HostDeps, entry: InstanceEntry, step: AnyStep<M, O>): AnyStep<M, O> {
  const plain = step as Step<M, O>;
  const wrapped: Step<M, O> = {
    ...plain,
    do: async (context) => {
      await deps.inject.before(plain.name, {
        host: deps.config.host,
        serverName: entry.name,
        signal: context.signal,
      });
      return plain.do(context);
    },
  };
  return wrapped as AnyStep<M, O>;
}
