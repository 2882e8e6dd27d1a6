// What the tasks on backups need of the volume service of a backend that runs them.
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { runSaga } from '#platform/saga/run-saga.ts';
import type { Saga, SagaOutcome } from '#platform/saga/saga.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findOperation, operationLog } from '#volume/operations/store.ts';
import { VOLUME_CHANGED, type VolumeChanged } from '#volume/rpc.ts';
import type { BackupRow, VolumeOperationRow } from '#volume/tables.ts';
import { endBackupOperation, sentenceOf, type BackupEnd } from './end.ts';
import type { BackupObjects } from './objects/port.ts';
import { findBackup } from './store.ts';

export interface BackupTaskDeps extends Pick<VolumeDeps, 'db' | 'clock' | 'config' | 'bus' | 'log'> {
  readonly driver: VolumeDriver;
  readonly objects: BackupObjects;
  /** `host@backend` */
  readonly host: string;
  /** Aborts when the service closes. */
  readonly signal: AbortSignal;
}

export interface BackupMessage {
  readonly operation_id: string;
  readonly backup_id: string;
}

export interface BackupTask<I, O> {
  readonly saga: Saga<I, O>;
  readonly inputOf: (backup: BackupRow) => Promise<I>;
  /** What the end writes when it is done. */
  readonly resultOf: (outputs: O) => Omit<BackupEnd, 'failure'>;
  /** `The backup could not be made`: how the sentence of a failure begins. */
  readonly failed: string;
}

/** Runs the saga of an operation, or goes on with it; one that has ended is left alone. */
export async function runBackupTask<I, O>(
  deps: BackupTaskDeps,
  { operation_id, backup_id }: BackupMessage,
  task: BackupTask<I, O>,
): Promise<void> {
  const { db, clock, host, signal } = deps;
  const operation = await findOperation(db.kysely, operation_id);
  if (operation?.state !== 'running') return;
  const backup = await findBackup(db.kysely, backup_id);
  if (!backup) return finish(deps, operation, { failure: 'The backup is gone.' });
  const outcome = await runSaga(task.saga, {
    sagaId: operation_id,
    attempt: 1,
    input: await task.inputOf(backup),
    actor: `volume.${host}`,
    log: operationLog(db),
    clock,
    signal,
  });
  await finish(deps, operation, endOf(outcome, task));
}

function endOf<I, O>(outcome: SagaOutcome<O>, { failed, resultOf }: BackupTask<I, O>): BackupEnd {
  return outcome.kind === 'done'
    ? { failure: null, ...resultOf(outcome.outputs) }
    : { failure: sentenceOf(outcome.cause, failed) };
}

async function finish(
  { db, clock, config, bus, log }: BackupTaskDeps,
  operation: VolumeOperationRow,
  end: BackupEnd,
): Promise<void> {
  await db.transaction(async (trx) => endBackupOperation(trx, { clock, config }, operation, end));
  if (end.failure !== null)
    log.warn(
      { operation_id: operation.id, backup_id: operation.resource_id, failure: end.failure },
      'operation on a backup failed',
    );
  const changed: VolumeChanged = { resource: 'backup', id: operation.resource_id };
  await bus.publish(VOLUME_CHANGED, changed);
}
