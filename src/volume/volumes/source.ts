// What a new volume is made from: nothing, an image, a snapshot, another volume or a backup; and what that asks of it.
import type { Image } from '#platform/clients/image.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidSnapshot, InvalidVolume, ResourceNotFound } from '#volume/errors.ts';
import { findSnapshot } from '#volume/snapshots/find.ts';
import type { BackupRow, SnapshotRow, VolumeRow } from '#volume/tables.ts';
import { enforceOnProject, findVolume } from './find.ts';
import { findBackupRow } from './backup-store.ts';
import { statusOf } from './status.ts';
import { findWholeVolume, type WholeVolume } from './store.ts';
import { imagePropertiesOf } from './image-properties.ts';

const GIB = 2 ** 30;

export interface NewVolumeBody {
  readonly name?: string | null;
  readonly display_name?: string | null;
  readonly description?: string | null;
  readonly display_description?: string | null;
  readonly size?: number | string | null;
  readonly volume_type?: string | null;
  readonly availability_zone?: string | null;
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly imageRef?: string | null;
  readonly image_id?: string | null;
  readonly snapshot_id?: string | null;
  readonly source_volid?: string | null;
  readonly backup_id?: string | null;
  /** Beside a type that says so. */
  readonly multiattach?: boolean | string | null;
  readonly group_id?: string | null;
  readonly consistencygroup_id?: string | null;
}

export interface Source {
  readonly image?: Image;
  readonly snapshot?: SnapshotRow;
  readonly volume?: VolumeRow;
  readonly backup?: BackupRow;
  readonly bootable: boolean;
  readonly imageMetadata: Readonly<Record<string, string>>;
  readonly typeId: string | null;
  /** Where a clone must be; null where it is free. */
  readonly zone: string | null;
  /** GiB; undefined when the request must say it. */
  readonly defaultSize: number | undefined;
  readonly leastSize: number;
  /** For the sentence that refuses less: `the snapshot size`. */
  readonly leastSizeOf: string;
}

const NOTHING: Source = {
  bootable: false,
  imageMetadata: {},
  typeId: null,
  zone: null,
  defaultSize: undefined,
  leastSize: 1,
  leastSizeOf: 'the least size',
};

/** @throws DomainError when it is absent, not the caller's, or not in a state to be copied */
export async function findSource(call: Call, deps: VolumeDeps, body: NewVolumeBody): Promise<Source> {
  const imageId = present(body.imageRef) ?? present(body.image_id);
  const backupId = atLeast(call.microversion, '3.47') ? present(body.backup_id) : undefined;
  const given = {
    imageId,
    backupId,
    snapshotId: present(body.snapshot_id),
    volumeId: present(body.source_volid),
  };
  if (Object.values(given).filter((id) => id !== undefined).length > 1)
    throw new InvalidInput(
      'A volume is made from one source: name an image, a snapshot, a volume or a backup, not several.',
    );
  if (given.imageId !== undefined) return fromImage(call, deps, given.imageId);
  if (given.snapshotId !== undefined) return fromSnapshot(call, deps, given.snapshotId);
  if (given.volumeId !== undefined) return fromVolume(call, deps, given.volumeId);
  if (given.backupId !== undefined) return fromBackup(call, deps, given.backupId);
  return NOTHING;
}

const present = (id: string | null | undefined): string | undefined =>
  id === null || id === '' ? undefined : id;

async function fromImage(call: Call, deps: VolumeDeps, id: string): Promise<Source> {
  const { image: images } = deps;
  call.enforce('volume:create_from_image');
  const image = /^[0-9a-fA-F-]{36}$/.test(id) ? await images.findImage(call.token ?? '', id) : undefined;
  if (!image)
    throw new InvalidInput(
      `Invalid image identifier or unable to access requested image: ${id}.`,
      'no-such-image',
    );
  if (image.status !== 'active')
    throw new InvalidInput(
      `Invalid input received: Image ${id} is not active, its status is ${image.status}.`,
    );
  const bytes = Math.max(image.virtual_size ?? 0, image.size ?? 0);
  const ofServer = atLeast(call.microversion, '3.46') ? bootSnapshotOf(image) : undefined;
  if (ofServer !== undefined) return fromSnapshot(call, deps, ofServer);
  return {
    ...NOTHING,
    image,
    bootable: true,
    imageMetadata: imagePropertiesOf(image),
    leastSize: Math.max(1, image.min_disk, Math.ceil(bytes / GIB)),
    leastSizeOf: image.min_disk > Math.ceil(bytes / GIB) ? 'the image minDisk size' : 'the image size',
  };
}

/** An image of a server on volumes has no data of its own: it names the snapshot of the volume to boot from. */
function bootSnapshotOf(image: Image): string | undefined {
  const given = image['block_device_mapping'];
  if (typeof given !== 'string') return undefined;
  try {
    const mappings = JSON.parse(given) as unknown;
    if (!Array.isArray(mappings)) return undefined;
    const boot = (mappings as Array<Record<string, unknown> | null>).find(
      (each) => each?.['source_type'] === 'snapshot' && each['boot_index'] === 0,
    );
    return typeof boot?.['snapshot_id'] === 'string' ? boot['snapshot_id'] : undefined;
  } catch {
    return undefined; // any user may set the property, to anything
  }
}

async function fromSnapshot(call: Call, deps: VolumeDeps, id: string): Promise<Source> {
  const { snapshot } = await findSnapshot(call, deps, 'volume:get_snapshot', id);
  if (snapshot.status !== 'available')
    throw new InvalidSnapshot(`the status of snapshot ${id} must be available, and is ${snapshot.status}.`);
  const whole = await findWholeVolume(deps.db.kysely, snapshot.volume_id);
  return {
    ...cloneOf(whole),
    snapshot,
    typeId: snapshot.volume_type_id,
    defaultSize: snapshot.volume_size,
    leastSize: snapshot.volume_size,
    leastSizeOf: 'the snapshot size',
  };
}

async function fromVolume(call: Call, deps: VolumeDeps, id: string): Promise<Source> {
  const whole = await findVolume(call, deps, 'volume:get', id);
  const status = statusOf(whole.volume, whole.attachments);
  if (status !== 'available' && status !== 'in-use')
    throw new InvalidVolume(
      `the status of the source volume ${id} must be available or in-use, and is ${status}.`,
    );
  return {
    ...cloneOf(whole),
    volume: whole.volume,
    defaultSize: whole.volume.size,
    leastSize: whole.volume.size,
    leastSizeOf: 'the source volume size',
  };
}

function cloneOf(whole: WholeVolume | undefined): Source {
  if (!whole) return NOTHING;
  return {
    ...NOTHING,
    bootable: whole.volume.bootable === 1,
    imageMetadata: whole.imageMetadata,
    typeId: whole.volume.volume_type_id,
    zone: whole.volume.availability_zone,
  };
}

async function fromBackup(call: Call, { db }: VolumeDeps, id: string): Promise<Source> {
  const backup = await findBackupRow(db.kysely, id);
  const absent = new ResourceNotFound('Backup', id);
  if (!backup) throw absent;
  enforceOnProject(call, 'volume:get', backup.project_id, 'volume:get', absent);
  if (backup.status !== 'available')
    throw new InvalidInput(
      `Invalid backup: the status of backup ${id} must be available, and is ${backup.status}.`,
    );
  return {
    ...NOTHING,
    backup,
    defaultSize: backup.size,
    leastSize: backup.size,
    leastSizeOf: 'the backup size',
  };
}
