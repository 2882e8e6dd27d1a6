// Restores a backup into a volume that is there. `fillFromBackup` does the same for a volume that is being made.
import type { BlockAccess } from '#drivers/volume/port.ts';
import type { Saga } from '#platform/saga/saga.ts';
import { copyIn } from '#volume/backups/copy-in.ts';
import { settleBackup } from '#volume/backups/end.ts';
import { BackupNotFound } from '#volume/backups/errors.ts';
import type { BackedUpVolume } from '#volume/backups/manifest.ts';
import { backupObjectsOf } from '#volume/backups/objects/of-service.ts';
import { findBackup } from '#volume/backups/store.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { lockAnew } from '#volume/host/encryption.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import type { VolumeOperationRef } from '#volume/rpc.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';

type Input = VolumeOperationRef & { readonly backup_id: string };

interface Outputs {
  'backup.restore': { readonly bytes_written: number; readonly volume: BackedUpVolume };
}

export async function restoreBackup(deps: BackendDeps, args: Input): Promise<void> {
  await runVolumeOperation(deps, args, {
    saga: restoreBackupSaga(deps),
    changed: 'backup',
    done: async (trx, outputs, operation) =>
      settleBackup(trx, deps, operation, { failure: null, restored: outputs['backup.restore'].volume }),
    failed: async (trx, { operation, text }) => settleBackup(trx, deps, operation, { failure: text }),
  });
}

export function restoreBackupSaga(deps: BackendDeps): Saga<Input, Outputs> {
  const { driver, config } = deps;
  return {
    name: 'restore-backup',
    steps: [
      {
        name: 'backup.restore',
        needs: [],
        deadlineMs: config.transferMs,
        do: async ({ input: { volume_id: volumeId, backup_id }, signal, evidence, waitingFor }) => {
          waitingFor('the backup to be copied into the volume');
          await using access = await driver.open({ volumeId }, 'rw');
          const { bytesWritten, backedUp } = await copyFrom(deps, backup_id, access, {
            blank: false,
            signal,
          });
          const volume = await findVolumeRow(deps.db.kysely, volumeId);
          if (volume?.encrypted === 1) await lockAnew(deps, volume, backup_id, access);
          evidence({ bytes_written: bytesWritten });
          return { bytes_written: bytesWritten, volume: backedUp };
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
  deps: Pick<BackendDeps, 'db' | 'dataDir' | 'backupObjects'>,
  backupId: string,
  access: BlockAccess,
  signal: AbortSignal,
): Promise<{ bytesWritten: number; backedUp: BackedUpVolume }> {
  return copyFrom(deps, backupId, access, { blank: true, signal });
}

async function copyFrom(
  deps: Pick<BackendDeps, 'db' | 'dataDir' | 'backupObjects'>,
  backupId: string,
  access: BlockAccess,
  how: { readonly blank: boolean; readonly signal: AbortSignal },
): Promise<{ bytesWritten: number; backedUp: BackedUpVolume }> {
  const backup = await findBackup(deps.db.kysely, backupId);
  if (!backup) throw new BackupNotFound(backupId);
  const copied = await copyIn(access, { objects: backupObjectsOf(deps), set: backup.data_id, ...how });
  return { bytesWritten: copied.bytesWritten, backedUp: copied.manifest.volume };
}
