// How an agent runs a saga: under the action's id, with its host as the actor, in the conductor's record. Used by every operation
// of src/compute/tasks.
import type { RunOptions } from '#platform/saga/saga.ts';
import type { ActionRef } from '../rpc.ts';
import type { HostDeps } from './deps.ts';

/** @param run `attempt` is 1 where one is all there are; `cancel` aborts when the operation is not wanted any more */
export function sagaRun<I extends ActionRef>(
  deps: Pick<HostDeps, 'config' | 'sagaLog' | 'clock' | 'signal'>,
  input: I,
  run: Pick<RunOptions<I>, 'cancel'> & { readonly attempt?: number },
): RunOptions<I> {
  return {
    sagaId: input.action_id,
    actor: `compute.${deps.config.host}`,
    log: deps.sagaLog,
    clock: deps.clock,
    signal: deps.signal,
    spanAttributes: { 'pileus.server_id': input.instance_id },
    input,
    ...run,
    attempt: run.attempt ?? 1,
  };
}
