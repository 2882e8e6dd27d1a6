// Backs a volume up: holds its content in a snapshot of the service's own, copies that into the backup store, and lets it go.
// A snapshot that was named in the request is copied as it is.
import { isoTime } from '#platform/context/clock.ts';
import type { Saga } from '#platform/saga/saga.ts';
import { copyOut } from '#volume/backups/copy-out.ts';
import { settleBackup } from '#volume/backups/end.ts';
import { BackupNotFound } from '#volume/backups/errors.ts';
import { backupObjectsOf } from '#volume/backups/objects/of-service.ts';
import { findBackup } from '#volume/backups/store.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import type { VolumeOperationRef } from '#volume/rpc.ts';
import { findSnapshotRow, insertSnapshot, removeSnapshot } from '#volume/snapshots/store.ts';
import type { BackupRow } from '#volume/tables.ts';
import { findWholeVolume } from '#volume/volumes/store.ts';

export type CreateBackupInput = VolumeOperationRef & { readonly backup_id: string };

export interface CreateBackupOutputs {
  /** The snapshot whose content is copied, and whether it was taken for this alone. */
  'backup.hold': { readonly snapshot_id: string; readonly own: boolean };
  'backup.copy': { readonly object_count: number; readonly bytes_stored: number };
  'backup.release': null;
}

export async function createBackup(deps: BackendDeps, args: CreateBackupInput): Promise<void> {
  await runVolumeOperation(deps, args, {
    saga: createBackupSaga(deps),
    changed: 'backup',
    // Not the volume: its lifecycle keeps others from it, and an attachment must not wait for the copy.
    lock: args.backup_id,
    done: async (trx, outputs, operation) =>
      settleBackup(trx, deps, operation, { failure: null, stored: outputs['backup.copy'] }),
    failed: async (trx, { operation, text }) => settleBackup(trx, deps, operation, { failure: text }),
  });
}

export function createBackupSaga(deps: BackendDeps): Saga<CreateBackupInput, CreateBackupOutputs> {
  const { db, driver, clock, config } = deps;
  const objects = backupObjectsOf(deps);
  return {
    name: 'create-backup',
    steps: [
      {
        name: 'backup.hold',
        needs: [],
        deadlineMs: config.operationMs,
        do: async ({ input }) => {
          const backup = await getBackup(deps, input);
          if (backup.snapshot_id !== null) return { snapshot_id: backup.snapshot_id, own: false };
          await recordHold(deps, backup, isoTime(clock));
          await driver.createSnapshot(backup.volume_id, backup.id);
          return { snapshot_id: backup.id, own: true };
        },
        undo: async ({ input }) => letGo(deps, input),
      },
      {
        name: 'backup.copy',
        needs: ['backup.hold'],
        deadlineMs: config.transferMs,
        do: async ({ input, outputs, signal, evidence, waitingFor }) => {
          const backup = await getBackup(deps, input);
          const parentSet = await parentSetOf(deps, backup);
          const snapshotId = outputs['backup.hold']?.snapshot_id ?? backup.id;
          const whole = await findWholeVolume(db.kysely, backup.volume_id);
          waitingFor('the content of the volume to be copied');
          await using access = await driver.open({ volumeId: backup.volume_id, snapshotId }, 'ro');
          const manifest = await copyOut(access, {
            objects,
            set: backup.data_id,
            parent: parentSet,
            volume: {
              name: whole?.volume.name ?? null,
              bootable: whole?.volume.bootable === 1,
              metadata: { ...whole?.metadata },
              image_metadata: { ...whole?.imageMetadata },
            },
            signal,
          });
          const { object_count, bytes_stored } = manifest;
          evidence({ bytes: manifest.size, bytes_stored, object_count, parent: parentSet });
          return { object_count, bytes_stored };
        },
        undo: async ({ input }) => objects.remove(input.backup_id),
      },
      {
        name: 'backup.release',
        needs: ['backup.copy'],
        deadlineMs: config.operationMs,
        do: async ({ input }) => {
          await letGo(deps, input);
          return null;
        },
        // Nothing to undo: the snapshot is not needed any more, whatever comes.
      },
    ],
  };
}

/** The audit finds the snapshot by its row, so the row comes first and goes last. */
async function recordHold({ db }: BackendDeps, backup: BackupRow, now: string): Promise<void> {
  await db.transaction(async (trx) => {
    if (await findSnapshotRow(trx, backup.id)) return;
    await insertSnapshot(trx, {
      id: backup.id,
      volume_id: backup.volume_id,
      project_id: backup.project_id,
      user_id: backup.user_id,
      name: null,
      description: null,
      volume_size: backup.size,
      status: 'creating', // for as long as it is: it is nobody's but the copy's
      progress: '0%',
      volume_type_id: null,
      internal: 1,
      fault: null,
      created_at: now,
      updated_at: null,
    });
  });
}

/** Of a backup of a named snapshot there is none to let go. */
async function letGo(
  { db, driver }: BackendDeps,
  { volume_id, backup_id }: CreateBackupInput,
): Promise<void> {
  if (!(await findSnapshotRow(db.kysely, backup_id))) return;
  await driver.deleteSnapshot(volume_id, backup_id);
  await db.transaction(async (trx) => removeSnapshot(trx, backup_id));
}

async function getBackup({ db }: BackendDeps, { backup_id }: CreateBackupInput): Promise<BackupRow> {
  const backup = await findBackup(db.kysely, backup_id);
  if (!backup) throw new BackupNotFound(backup_id);
  return backup;
}

async function parentSetOf({ db }: BackendDeps, { parent_id }: BackupRow): Promise<string | null> {
  if (parent_id === null) return null;
  return (await findBackup(db.kysely, parent_id))?.data_id ?? parent_id; // absent: the copy says so
}
