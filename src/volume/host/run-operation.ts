// The frame of every operation of a backend: run the saga beside the database, then end the operation and write what has
// become of the volume in one transaction. A message that comes twice, or after a crash, goes on where the record ends.
import { VolumeBackendError, type VolumeBackendFault } from '#drivers/volume/errors.ts';
import { isoTime } from '#platform/context/clock.ts';
import { causeChain, DomainError } from '#platform/errors/domain-error.ts';
import { runSaga } from '#platform/saga/run-saga.ts';
import type { Saga, SagaOutcome } from '#platform/saga/saga.ts';
import type { Executor } from '#platform/sql/database.ts';
import { endOperation, findOperation, operationLog } from '#volume/operations/store.ts';
import { VOLUME_CHANGED, type VolumeChanged, type VolumeOperationRef } from '#volume/rpc.ts';
import type { VolumeOperationRow, VolumeTables } from '#volume/tables.ts';
import type { BackendDeps } from './deps.ts';

type Trx = Executor<VolumeTables>;

export interface Failure {
  readonly operation: VolumeOperationRow;
  readonly cause: unknown;
  /** For the owner: a sentence without names of hosts or paths. */
  readonly text: string;
  /** Somebody called it off: no news for the owner. */
  readonly cancelled: boolean;
}

export interface Work<I extends VolumeOperationRef, O> {
  readonly saga: Saga<I, O>;
  /** Which attempt of the operation this is: records of earlier ones are not gone on with. Default 1. */
  readonly attempt?: number;
  readonly changed: VolumeChanged['resource'];
  /** What nothing else may work on meanwhile; default the volume. */
  readonly lock?: string;
  /** In the transaction that ends the operation. */
  readonly done: (trx: Trx, outputs: O, operation: VolumeOperationRow) => Promise<void>;
  /** In the same transaction as above. `again`: the operation goes on elsewhere, and is not ended. */
  readonly failed: (trx: Trx, failure: Failure) => Promise<'again' | void>;
}

const CANCEL_POLL_MS = 1000; // longer: a forced deletion waits for more of an upload that nobody wants

/** @returns the saga's outcome; undefined when the operation had ended before */
export async function runVolumeOperation<I extends VolumeOperationRef, O>(
  deps: BackendDeps,
  input: I,
  work: Work<I, O>,
): Promise<SagaOutcome<O> | undefined> {
  return inHand(deps, [work.lock ?? input.volume_id], [input.operation_id], async () => {
    const operation = await findOperation(deps.db.kysely, input.operation_id);
    if (!operation || operation.state !== 'running') return undefined;
    deps.log.debug({ operation_id: operation.id, saga: work.saga.name }, 'volume operation begins');
    const outcome = await runHere(deps, input, work);
    await conclude(deps, operation, work, outcome);
    deps.log.debug({ operation_id: operation.id, outcome: outcome.kind }, 'volume operation has ended');
    await deps.bus.publish(VOLUME_CHANGED, {
      resource: work.changed,
      id: operation.resource_id,
    } satisfies VolumeChanged);
    return outcome;
  });
}

/** With the locks, taken in their order, and known to `cleanUp` as worked on from now. */
export async function inHand<T>(
  { inHand: ids, volumeLocks }: BackendDeps,
  locks: readonly string[],
  operationIds: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  for (const id of operationIds) ids.add(id);
  const locked = locks.reduceRight((inner, lock) => async () => volumeLocks.run(lock, inner), work);
  try {
    return await locked();
  } finally {
    for (const id of operationIds) ids.delete(id);
  }
}

/** The saga, beside the database. */
export async function runHere<I extends VolumeOperationRef, O>(
  deps: BackendDeps,
  input: I,
  { saga, attempt = 1 }: Pick<Work<I, O>, 'saga' | 'attempt'>,
): Promise<SagaOutcome<O>> {
  const cancel = new AbortController();
  const poll = setInterval(() => {
    findOperation(deps.db.kysely, input.operation_id)
      .then((now) => {
        if (!now || now.cancelled === 1) cancel.abort(new Error('the operation is not wanted any more'));
      })
      .catch(() => undefined); // the next record says so as well
  }, CANCEL_POLL_MS);
  try {
    return await runSaga(saga, {
      sagaId: input.operation_id,
      attempt,
      input,
      actor: `volume.${deps.host}`,
      log: operationLog(deps.db),
      clock: deps.clock,
      signal: deps.signal,
      cancel: cancel.signal,
      spanAttributes: { 'pileus.volume_id': input.volume_id },
    });
  } finally {
    clearInterval(poll);
  }
}

async function conclude<I extends VolumeOperationRef, O>(
  deps: BackendDeps,
  { id }: VolumeOperationRow,
  work: Work<I, O>,
  outcome: SagaOutcome<O>,
): Promise<void> {
  const now = isoTime(deps.clock);
  if (outcome.kind === 'undone')
    deps.log.warn(
      { operation_id: id, saga: work.saga.name, step: outcome.failedStep, causes: causeChain(outcome.cause) },
      'volume operation failed',
    );
  await deps.db.transaction(async (trx) => {
    const operation = await findOperation(trx, id);
    if (!operation || operation.state !== 'running') return;
    if (outcome.kind === 'done') {
      await endOperation(trx, id, { now, failure: null });
      return work.done(trx, outcome.outputs, operation);
    }
    const text = textOf(outcome.cause);
    const failure = { operation, cause: outcome.cause, text, cancelled: operation.cancelled === 1 };
    if ((await work.failed(trx, failure)) === 'again') return;
    await endOperation(trx, id, { now, failure: text });
  });
}

const BACKEND_FAULTS: Readonly<Record<VolumeBackendFault, string>> = {
  absent: 'The storage backend does not have it.',
  busy: 'The storage backend says that it is still in use.',
  'no-space': 'The storage backend is full.',
  unsupported: 'The storage backend can not do this.',
  unreachable: 'The storage backend does not answer.',
  failed:
    'The storage backend failed at it; an administrator finds the reason in the logs by the request id.',
};

/** For the owner: a sentence without names of hosts or paths. */
export function textOf(cause: unknown): string {
  if (cause instanceof VolumeBackendError) return BACKEND_FAULTS[cause.fault];
  if (cause instanceof DomainError) return cause.message;
  return 'An unexpected error: an administrator finds it in the logs by the request id.';
}
