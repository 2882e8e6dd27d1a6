// POST /backups/{id}/restore: into a volume that is there, whose content is overwritten, or into a new one.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidVolume } from '#volume/errors.ts';
import { newKeyFor } from '#volume/keys/keys.ts';
import { beginOperation } from '#volume/operations/store.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { BackupRow, VolumeRow, VolumeTypeRow } from '#volume/tables.ts';
import { encryptionOfType } from '#volume/types/encryption/encryption-of.ts';
import { commitNewVolume } from '#volume/volumes/create.ts';
import { findVolume } from '#volume/volumes/find.ts';
import { backendOf } from '#volume/volumes/host-name.ts';
import { statusOf } from '#volume/volumes/status.ts';
import { findVolumeRow, findWholeVolume, updateVolume } from '#volume/volumes/store.ts';
import { findDefaultType, findType } from '#volume/volumes/type-store.ts';
import { BackupNotFound, InvalidBackup } from './errors.ts';
import { getBackup } from './find.ts';
import { findBackup, updateBackup } from './store.ts';

interface RestoreBody {
  readonly restore: { readonly volume_id?: string | null; readonly name?: string | null };
}

export async function restore(call: Call, deps: VolumeDeps): Promise<unknown> {
  const backup = await getBackup(call, deps, 'backup:restore');
  const { volume_id, name } = (call.body as RestoreBody).restore;
  if (backup.status !== 'available')
    throw new InvalidBackup(
      `the status of ${backup.id} must be available to restore it, and is ${backup.status}.`,
    );
  const volume =
    volume_id === undefined || volume_id === null
      ? await intoNew(call, deps, backup, name ?? `restore_backup_${backup.id}`)
      : await intoExisting(call, deps, backup, volume_id);
  return { restore: { backup_id: backup.id, volume_id: volume.id, volume_name: volume.name ?? '' } };
}

/** Made as any other volume; the service that makes it fills it from the backup. */
async function intoNew(call: Call, deps: VolumeDeps, backup: BackupRow, name: string): Promise<VolumeRow> {
  const { projectId, userId } = call.principal;
  if (projectId === undefined)
    throw new InvalidInput('A volume belongs to a project: the token is for none.');
  call.enforce('volume:create', { project_id: projectId });
  const type = await typeFor(deps, backup, projectId);
  const volume: VolumeRow = {
    id: crypto.randomUUID(),
    project_id: projectId,
    user_id: userId,
    name: name.slice(0, 255),
    description: `auto-created_from_restore_from_backup_${backup.id}`,
    size: backup.size,
    lifecycle: 'creating',
    fault: null,
    forced_status: null,
    volume_type_id: type?.id ?? null,
    availability_zone: backup.availability_zone ?? deps.config.defaultAvailabilityZone,
    host: null,
    bootable: 0,
    multiattach: 0,
    encrypted: backup.encryption_key_id === null ? 0 : 1,
    readonly: 0,
    snapshot_id: null,
    source_volid: null,
    image_id: null,
    backup_id: backup.id,
    scheduler_hints_json: '{}',
    bytes_copied: null,
    placement_json: null,
    migration_status: null,
    created_at: isoTime(deps.clock),
    updated_at: null,
    launched_at: null,
  };
  const source = {
    backup,
    bootable: false,
    imageMetadata: {},
    typeId: null,
    zone: null,
    defaultSize: backup.size,
    leastSize: backup.size,
    leastSizeOf: 'the backup size',
  };
  const key = volume.encrypted === 1 ? await newKeyFor(deps, volume.id) : undefined;
  await commitNewVolume(call, deps, { volume, type, source, metadata: {}, key });
  return volume;
}

/**
 * The default one; what is encrypted comes back as what it was.
 * @throws InvalidBackup when there is no type that the data fit
 */
async function typeFor(
  { db, config }: VolumeDeps,
  backup: BackupRow,
  projectId: string,
): Promise<VolumeTypeRow | undefined> {
  const usual = await findDefaultType(db.kysely, projectId, config.defaultVolumeType);
  const backedUp = await findVolumeRow(db.kysely, backup.volume_id);
  const was = backedUp?.volume_type_id ? await findType(db.kysely, backedUp.volume_type_id) : undefined;
  for (const type of backup.encryption_key_id === null ? [usual] : [was, usual]) {
    const encrypted = (await encryptionOfType(db.kysely, type?.id ?? null)) !== undefined;
    if (encrypted === (backup.encryption_key_id !== null)) return type;
  }
  throw new InvalidBackup(
    `the volume of ${backup.id} must be encrypted if it was, and only then: restore it into a volume of such a type.`,
  );
}

async function intoExisting(
  call: Call,
  deps: VolumeDeps,
  { id }: BackupRow,
  volumeId: string,
): Promise<VolumeRow> {
  const { volume } = await findVolume(call, deps, 'volume:update', volumeId);
  const now = isoTime(deps.clock);
  await deps.db.transaction(async (trx) => {
    const backup = await findBackup(trx, id);
    if (!backup) throw new BackupNotFound(id);
    if (backup.status !== 'available')
      throw new InvalidBackup(
        `the status of ${id} must be available to restore it, and is ${backup.status}.`,
      );
    const whole = await findWholeVolume(trx, volume.id);
    const status = whole ? statusOf(whole.volume, whole.attachments) : 'deleting';
    if (!whole || status !== 'available')
      throw new InvalidVolume(`Volume to be restored to must be available, and is ${status}.`);
    if (whole.volume.size < backup.size)
      throw new InvalidVolume(
        `volume size ${whole.volume.size} GiB is less than the ${backup.size} GiB of the backup.`,
      );
    if ((whole.volume.encrypted === 1) !== (backup.encryption_key_id !== null))
      throw new InvalidVolume(
        `volume ${volume.id} is ${whole.volume.encrypted === 1 ? '' : 'not '}encrypted, unlike what was backed up.`,
      );
    const host = backendOf(whole.volume);
    await updateVolume(trx, volume.id, { lifecycle: 'restoring-backup', backup_id: id, updated_at: now });
    await updateBackup(trx, id, { status: 'restoring', restore_volume_id: volume.id, updated_at: now });
    const operation_id = await beginOperation(trx, call, deps, {
      resource_type: 'backup',
      resource_id: id,
      operation: 'restore',
      project_id: volume.project_id,
      host,
      deadlineMs: deps.config.transferMs,
    });
    await enqueue(
      trx,
      rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host)).message('restoreBackup', {
        operation_id,
        volume_id: volume.id,
        backup_id: id,
      }),
    );
  });
  return volume;
}
