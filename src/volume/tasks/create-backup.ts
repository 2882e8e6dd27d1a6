// Backs a volume up: holds its content in a snapshot of the service's own, copies that into the backup store, and lets it go.
// A snapshot that was named in the request is copied as it is.
import type { BackupTaskDeps, BackupMessage } from '#volume/backups/task-deps.ts';
import { runBackupTask } from '#volume/backups/task-deps.ts';
import { copyOut } from '#volume/backups/copy-out.ts';
import { findBackup } from '#volume/backups/store.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Saga } from '#platform/saga/saga.ts';
import { findSnapshotRow, insertSnapshot, removeSnapshot } from '#volume/snapshots/store.ts';
import type { BackupRow } from '#volume/tables.ts';
import { findWholeVolume } from '#volume/volumes/store.ts';

export interface CreateBackupInput {
  readonly backup: BackupRow;
  /** Set of the backup that this one builds on. */
  readonly parentSet: string | null;
}

export interface CreateBackupOutputs {
  /** The snapshot whose content is copied, and whether it was taken for this alone. */
  'backup.hold': { readonly snapshot_id: string; readonly own: boolean };
  'backup.copy': { readonly object_count: number; readonly bytes_stored: number };
  'backup.release': null;
}

export async function createBackup(deps: BackupTaskDeps, message: BackupMessage): Promise<void> {
  await runBackupTask(deps, message, {
    saga: createBackupSaga(deps),
    inputOf: async (backup): Promise<CreateBackupInput> => ({
      backup,
      parentSet: await parentSetOf(deps, backup),
    }),
    resultOf: (outputs) => ({ stored: outputs['backup.copy'] }),
    failed: 'The backup could not be made',
  });
}

async function parentSetOf({ db }: BackupTaskDeps, { parent_id }: BackupRow): Promise<string | null> {
  if (parent_id === null) return null;
  return (await findBackup(db.kysely, parent_id))?.data_id ?? parent_id; // absent: the copy says so
}

export function createBackupSaga(deps: BackupTaskDeps): Saga<CreateBackupInput, CreateBackupOutputs> {
  const { db, driver, objects, clock, config } = deps;
  return {
    name: 'create-backup',
    steps: [
      {
        name: 'backup.hold',
        needs: [],
        deadlineMs: config.operationMs,
        do: async ({ input: { backup } }) => {
          if (backup.snapshot_id !== null) return { snapshot_id: backup.snapshot_id, own: false };
          await recordHold(deps, backup, isoTime(clock));
          await driver.createSnapshot(backup.volume_id, backup.id);
          return { snapshot_id: backup.id, own: true };
        },
        undo: async ({ input: { backup } }) => {
          if (backup.snapshot_id === null) await letGo(deps, backup);
        },
      },
      {
        name: 'backup.copy',
        needs: ['backup.hold'],
        deadlineMs: config.transferMs,
        do: async ({ input: { backup, parentSet }, outputs, signal, evidence, waitingFor }) => {
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
        undo: async ({ input: { backup } }) => objects.remove(backup.data_id),
      },
      {
        name: 'backup.release',
        needs: ['backup.copy'],
        deadlineMs: config.operationMs,
        do: async ({ input: { backup } }) => {
          if (backup.snapshot_id === null) await letGo(deps, backup);
          return null;
        },
        // Nothing to undo: the snapshot is not needed any more, whatever comes.
      },
    ],
  };
}

/** The audit finds the snapshot by its row, so the row comes first and goes last. */
async function recordHold({ db }: BackupTaskDeps, backup: BackupRow, now: string): Promise<void> {
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
      status: 'available',
      progress: '100%',
      volume_type_id: null,
      internal: 1,
      fault: null,
      created_at: now,
      updated_at: null,
    });
  });
}

async function letGo({ db, driver }: BackupTaskDeps, backup: BackupRow): Promise<void> {
  await driver.deleteSnapshot(backup.volume_id, backup.id);
  await db.transaction(async (trx) => removeSnapshot(trx, backup.id));
}
