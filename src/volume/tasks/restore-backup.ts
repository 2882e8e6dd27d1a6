// Restores a backup into a volume that is there. `fillFromBackup` does the same for a volume that is being made.
import type { BlockAccess } from '#drivers/volume/port.ts';
import type { Saga } from '#platform/saga/saga.ts';
import { copyIn } from '#volume/backups/copy-in.ts';
import type { BackedUpVolume } from '#volume/backups/manifest.ts';
import { BackupNotFound } from '#volume/backups/errors.ts';
import { findBackup } from '#volume/backups/store.ts';
import { runBackupTask, type BackupMessage, type BackupTaskDeps } from '#volume/backups/task-deps.ts';

interface Input {
  readonly volumeId: string;
  readonly set: string;
}

interface Outputs {
  'backup.restore': { readonly bytes_written: number; readonly volume: BackedUpVolume };
}

export async function restoreBackup(
  deps: BackupTaskDeps,
  message: BackupMessage & { readonly volume_id: string },
): Promise<void> {
  await runBackupTask(deps, message, {
    saga: restoreBackupSaga(deps),
    inputOf: async (backup): Promise<Input> => ({ volumeId: message.volume_id, set: backup.data_id }),
    resultOf: (outputs) => ({ restored: outputs['backup.restore'].volume }),
    failed: 'The backup could not be restored',
  });
}

export function restoreBackupSaga({ driver, objects, config }: BackupTaskDeps): Saga<Input, Outputs> {
  return {
    name: 'restore-backup',
    steps: [
      {
        name: 'backup.restore',
        needs: [],
        deadlineMs: config.transferMs,
        do: async ({ input: { volumeId, set }, signal, evidence, waitingFor }) => {
          waitingFor('the backup to be copied into the volume');
          await using access = await driver.open({ volumeId }, 'rw');
          const { bytesWritten, manifest } = await copyIn(access, { objects, set, blank: false, signal });
          evidence({ bytes_written: bytesWritten });
          return { bytes_written: bytesWritten, volume: manifest.volume };
        },
        // No undo: what was overwritten is gone, and the volume's status says so (`error_restoring`).
      },
    ],
  };
}

/**
 * Fills a blank volume that is being made from a backup. May be repeated. Write what it says of its volume with
 * `applyBackedUp` in the transaction that makes the volume available.
 */
export async function fillFromBackup(
  { db, objects }: Pick<BackupTaskDeps, 'db' | 'objects'>,
  backupId: string,
  access: BlockAccess,
  signal: AbortSignal,
): Promise<{ bytesWritten: number; backedUp: BackedUpVolume }> {
  const backup = await findBackup(db.kysely, backupId);
  if (!backup) throw new BackupNotFound(backupId);
  const { bytesWritten, manifest } = await copyIn(access, {
    objects,
    set: backup.data_id,
    blank: true,
    signal,
  });
  return { bytesWritten, backedUp: manifest.volume };
}
