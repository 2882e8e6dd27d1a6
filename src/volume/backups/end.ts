// What an operation on a backup leaves when it ends, done or not: its row, and the status of the volume or snapshot that it
// was about. Called by the tasks, and for an operation that outlived its deadline.
import { isoTime } from '#platform/context/clock.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { tellOwner, type OwnerMessage } from '#volume/operations/owner-message.ts';
import { findSnapshotRow, updateSnapshot } from '#volume/snapshots/store.ts';
import type { BackupRow, VolumeOperationRow, VolumeTables } from '#volume/tables.ts';
import { addMetadata, findVolumeRow, updateVolume } from '#volume/volumes/store.ts';
import type { BackedUpVolume } from './manifest.ts';
import { findBackup, removeBackup, updateBackup } from './store.ts';

type Db = Executor<VolumeTables>;

export interface BackupEnd {
  /** A sentence for the owner; null when it is done. */
  readonly failure: string | null;
  /** Of a backup that was made. */
  readonly stored?: Pick<BackupRow, 'object_count' | 'bytes_stored'>;
  /** Of a backup that was restored: what it says of its volume. */
  readonly restored?: BackedUpVolume;
}

/** In the transaction that ends the operation. */
export async function settleBackup(
  trx: Db,
  deps: Pick<VolumeDeps, 'clock' | 'config'>,
  operation: VolumeOperationRow,
  end: BackupEnd,
): Promise<void> {
  const now = isoTime(deps.clock);
  const backup = await findBackup(trx, operation.resource_id);
  if (!backup) return;
  if (operation.operation === 'create') await endCreate(trx, backup, end, now);
  if (operation.operation === 'restore') await endRestore(trx, backup, end, now);
  if (operation.operation === 'delete') await endDelete(trx, backup, end, now);
  if (end.failure !== null) await tellOwner(trx, deps, messageOf(operation, backup, end.failure));
}

async function endCreate(trx: Db, backup: BackupRow, end: BackupEnd, now: string): Promise<void> {
  if (backup.status === 'creating')
    await updateBackup(trx, backup.id, {
      ...(end.failure === null
        ? { status: 'available', ...end.stored }
        : { status: 'error', fail_reason: end.failure }),
      updated_at: now,
    });
  await releaseSource(trx, backup, now);
}

async function releaseSource(trx: Db, backup: BackupRow, now: string): Promise<void> {
  if (backup.snapshot_id !== null) {
    const snapshot = await findSnapshotRow(trx, backup.snapshot_id);
    if (snapshot?.status === 'backing-up')
      await updateSnapshot(trx, snapshot.id, { status: 'available', updated_at: now });
    return;
  }
  const volume = await findVolumeRow(trx, backup.volume_id);
  if (volume?.lifecycle === 'backing-up')
    await updateVolume(trx, volume.id, { lifecycle: 'available', updated_at: now });
}

async function endRestore(trx: Db, backup: BackupRow, end: BackupEnd, now: string): Promise<void> {
  if (backup.status === 'restoring')
    await updateBackup(trx, backup.id, { status: 'available', updated_at: now });
  const volumeId = backup.restore_volume_id;
  const volume = volumeId === null ? undefined : await findVolumeRow(trx, volumeId);
  if (volume?.lifecycle !== 'restoring-backup') return;
  await updateVolume(trx, volume.id, {
    ...(end.failure === null
      ? { lifecycle: 'available' as const, fault: null }
      : { lifecycle: 'error_restoring' as const, fault: end.failure }),
    updated_at: now,
  });
  if (end.restored) await applyBackedUp(trx, volume.id, end.restored);
}

/** A restored volume is what the backed-up one was: bootable or not, with its metadata and the properties of its image. */
export async function applyBackedUp(trx: Db, volumeId: string, backedUp: BackedUpVolume): Promise<void> {
  await updateVolume(trx, volumeId, { bootable: backedUp.bootable ? 1 : 0 });
  await addMetadata(trx, 'volume_metadata', volumeId, backedUp.metadata);
  await addMetadata(trx, 'volume_image_metadata', volumeId, backedUp.image_metadata);
}

async function endDelete(trx: Db, backup: BackupRow, end: BackupEnd, now: string): Promise<void> {
  if (end.failure === null) return removeBackup(trx, backup.id);
  await updateBackup(trx, backup.id, {
    status: 'error_deleting',
    fail_reason: end.failure,
    updated_at: now,
  });
}

const ACTIONS: Readonly<Record<string, OwnerMessage['action']>> = {
  create: 'create-backup',
  restore: 'restore-backup',
  delete: 'delete-backup',
};

const messageOf = (operation: VolumeOperationRow, backup: BackupRow, text: string): OwnerMessage => ({
  projectId: backup.project_id,
  requestId: operation.request_id,
  resourceType: 'VOLUME_BACKUP',
  resourceId: backup.id,
  action: ACTIONS[operation.operation] ?? 'create-backup',
  detail: 'unknown',
  text,
});
