// Volumes as images in a pool of a Ceph cluster. Snapshots, clones and images become volumes without a byte copied, and
// guests read the cluster themselves: nothing of Pileus is in the way of their data.
import { VolumeBackendError, type VolumeBackendFault } from '#drivers/volume/errors.ts';
import { checkIds } from '#drivers/volume/ids.ts';
import {
  bytesOf,
  type BackendStats,
  type BlockAccess,
  type ConnectionInfo,
  type ImageLocation,
  type StoredVolume,
  type VolumeDriver,
  type VolumeSource,
} from '#drivers/volume/port.ts';
import { POOLS, type CephCluster } from '#drivers/rbd/access.ts';
import { rbdConnection } from '#drivers/rbd/connection.ts';
import { parseRbdUrl } from '#drivers/rbd/location.ts';
import { RbdError, type ImageSnapshot, type RbdFault, type RbdPool } from '#drivers/rbd/port.ts';
import { openRbdPool } from '#drivers/rbd/real.ts';

const GIB = 2 ** 30;
const VOLUME = 'volume-';
const SNAPSHOT = 'snapshot-';

export interface RbdVolumeDriverOptions {
  readonly cluster: CephCluster;
  readonly maxOverSubscriptionRatio?: number;
}

export function createRbdVolumeDriver(options: RbdVolumeDriverOptions): VolumeDriver {
  return new RbdVolumes(options);
}

type Connections = Parameters<VolumeDriver['restoreConnections']>[0];

class RbdVolumes implements VolumeDriver {
  readonly #cluster: CephCluster;
  readonly #ratio: number;
  readonly #pool: RbdPool;
  /** Volume → attachments. The cluster knows who has a volume open now; this knows who is going to. */
  readonly #connections = new Map<string, Set<string>>();
  /** How often each volume is open here. */
  readonly #open = new Map<string, number>();

  constructor({ cluster, maxOverSubscriptionRatio = 20 }: RbdVolumeDriverOptions) {
    this.#cluster = cluster;
    this.#ratio = maxOverSubscriptionRatio;
    this.#pool = openRbdPool(cluster, 'cinder', POOLS.volumes);
  }

  async stats(): Promise<BackendStats> {
    const [{ totalBytes, freeBytes }, images] = await tell(
      Promise.all([this.#pool.usage(), this.#pool.list()]),
    );
    return {
      totalGb: totalBytes / GIB,
      freeGb: freeBytes / GIB,
      provisionedGb: images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / GIB,
      maxOverSubscriptionRatio: this.#ratio,
      thinProvisioning: true,
      multiattach: true,
      storageProtocol: 'ceph',
      vendorName: 'Ceph',
      driverVersion: '1',
      simulated: false,
    };
  }

  async createVolume(
    volumeId: string,
    sizeGb: number,
    source: VolumeSource,
  ): Promise<{ bytesCopied: number }> {
    checkIds(volumeId);
    const image = VOLUME + volumeId;
    switch (source.kind) {
      case 'blank':
        await tell(unlessThere(this.#pool.create(image, bytesOf(sizeGb))));
        break;
      case 'snapshot': {
        const { snapshotId } = source;
        checkIds(source.volumeId, snapshotId);
        await this.#clone(image, sizeGb, this.#at(source.volumeId, SNAPSHOT + snapshotId));
        break;
      }
      case 'volume':
        await this.#copyVolume(volumeId, sizeGb, source.volumeId);
    }
    return { bytesCopied: 0 };
  }

  async cloneImage(
    volumeId: string,
    sizeGb: number,
    image: ImageLocation,
  ): Promise<{ bytesCopied: number } | undefined> {
    checkIds(volumeId);
    const location = parseRbdUrl(image.url);
    // Another format than raw would be shown to the guest as it is.
    if (location?.fsid !== this.#cluster.fsid || image.diskFormat !== 'raw') return undefined;
    await this.#clone(VOLUME + volumeId, sizeGb, location);
    return { bytesCopied: 0 };
  }

  async deleteVolume(volumeId: string): Promise<void> {
    checkIds(volumeId);
    this.#checkUnused(volumeId);
    await tell(this.#pool.remove(VOLUME + volumeId));
  }

  async extendVolume(volumeId: string, sizeGb: number): Promise<void> {
    checkIds(volumeId);
    await tell(this.#pool.grow(VOLUME + volumeId, bytesOf(sizeGb)));
  }

  async createSnapshot(volumeId: string, snapshotId: string): Promise<void> {
    checkIds(volumeId, snapshotId);
    await tell(this.#pool.createSnapshot(VOLUME + volumeId, SNAPSHOT + snapshotId));
  }

  async deleteSnapshot(volumeId: string, snapshotId: string): Promise<void> {
    checkIds(volumeId, snapshotId);
    await tell(this.#pool.removeSnapshot(VOLUME + volumeId, SNAPSHOT + snapshotId));
  }

  async renameVolume(volumeId: string, to: string): Promise<void> {
    checkIds(volumeId, to);
    const [image, renamed] = [VOLUME + volumeId, VOLUME + to];
    if (await tell(this.#pool.find(renamed))) {
      if (await tell(this.#pool.find(image))) throw fault('failed', `there is a volume ${to} already`);
      return;
    }
    if (!(await tell(this.#pool.find(image)))) throw fault('absent', `there is no volume ${volumeId}`);
    this.#checkUnused(volumeId);
    if ((await tell(this.#pool.watchers(image))) > 0) throw fault('busy', `volume ${volumeId} is open`);
    await tell(this.#pool.rename(image, renamed));
  }

  async renameSnapshot(volumeId: string, snapshotId: string, to: string): Promise<void> {
    checkIds(volumeId, snapshotId, to);
    const image = VOLUME + volumeId;
    const names = await tell(this.#pool.snapshots(image));
    const [from, renamed] = [names.includes(SNAPSHOT + snapshotId), names.includes(SNAPSHOT + to)];
    if (from && renamed) throw fault('failed', `volume ${volumeId} has a snapshot ${to} already`);
    if (renamed) return;
    if (!from) throw fault('absent', `volume ${volumeId} has no snapshot ${snapshotId}`);
    await tell(this.#pool.renameSnapshot(image, SNAPSHOT + snapshotId, SNAPSHOT + to));
  }

  async revertToSnapshot(volumeId: string, snapshotId: string, sizeGb: number): Promise<void> {
    checkIds(volumeId, snapshotId);
    const image = VOLUME + volumeId;
    const snapshots = await tell(this.#pool.snapshots(image));
    const newest = snapshots.filter((name) => name.startsWith(SNAPSHOT)).at(-1);
    if (!snapshots.includes(SNAPSHOT + snapshotId))
      throw fault('absent', `volume ${volumeId} has no snapshot ${snapshotId}`);
    if (newest !== SNAPSHOT + snapshotId)
      throw fault('unsupported', `snapshot ${snapshotId} is not the newest of its volume`);
    this.#checkUnused(volumeId);
    if ((await tell(this.#pool.watchers(image))) > 0) throw fault('busy', `volume ${volumeId} is open`);
    await tell(this.#pool.rollback(image, newest));
    await tell(this.#pool.grow(image, bytesOf(sizeGb)));
  }

  async connect(
    volumeId: string,
    { attachmentId, mode }: { attachmentId: string; mode: 'rw' | 'ro' },
  ): Promise<ConnectionInfo> {
    checkIds(volumeId);
    const image = await tell(this.#pool.find(VOLUME + volumeId));
    if (!image) throw fault('absent', `there is no volume ${volumeId}`);
    this.#connections.set(volumeId, (this.#connections.get(volumeId) ?? new Set()).add(attachmentId));
    return {
      driver_volume_type: 'rbd',
      data: {
        ...rbdConnection(this.#cluster, { pool: POOLS.volumes, image: image.name }),
        volume_id: volumeId,
        access_mode: mode,
        size: image.sizeBytes,
      },
    };
  }

  async disconnect(volumeId: string, attachmentId: string): Promise<void> {
    const attachments = this.#connections.get(volumeId);
    attachments?.delete(attachmentId);
    if (attachments?.size === 0) this.#connections.delete(volumeId);
  }

  async restoreConnections(wanted: Connections): Promise<void> {
    this.#connections.clear();
    for (const { volumeId, attachmentId } of wanted)
      this.#connections.set(volumeId, (this.#connections.get(volumeId) ?? new Set()).add(attachmentId));
  }

  async open(
    { volumeId, snapshotId }: { volumeId: string; snapshotId?: string },
    mode: 'ro' | 'rw',
  ): Promise<BlockAccess> {
    checkIds(volumeId, ...(snapshotId === undefined ? [] : [snapshotId]));
    if (mode === 'rw' && snapshotId !== undefined) throw fault('unsupported', 'snapshots are not written to');
    if (mode === 'rw') this.#checkUnused(volumeId);
    const snapshot = snapshotId === undefined ? undefined : SNAPSHOT + snapshotId;
    this.#count(volumeId, 1);
    try {
      const access = await tell(this.#pool.open(VOLUME + volumeId, snapshot, mode));
      let open = true;
      return {
        ...access,
        [Symbol.asyncDispose]: async () => {
          if (open) this.#count(volumeId, -1);
          open = false;
          await access[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      this.#count(volumeId, -1);
      throw error;
    }
  }

  async list(): Promise<readonly StoredVolume[]> {
    const images = await tell(this.#pool.list());
    return images
      .filter(({ name }) => name.startsWith(VOLUME))
      .map(({ name, sizeBytes, snapshots }) => ({
        volumeId: name.slice(VOLUME.length),
        sizeGb: Math.ceil(sizeBytes / GIB),
        snapshotIds: snapshots
          .filter((each) => each.startsWith(SNAPSHOT))
          .map((each) => each.slice(SNAPSHOT.length)),
      }));
  }

  /** Guests hold on to the cluster themselves and find it again: nothing is lost that had to be restored. */
  onLost(): () => void {
    return () => undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connections.clear();
  }

  /** By a snapshot that goes out of sight at once: it lives as long as the clone needs it. */
  async #copyVolume(volumeId: string, sizeGb: number, from: string): Promise<void> {
    checkIds(from);
    const source = VOLUME + from;
    const snapshot = `clone-${volumeId}`;
    const image = VOLUME + volumeId;
    if (!(await tell(this.#pool.find(image)))) await tell(this.#pool.createSnapshot(source, snapshot));
    await this.#clone(image, sizeGb, this.#at(from, snapshot));
    await tell(this.#pool.removeSnapshot(source, snapshot));
  }

  async #clone(image: string, sizeGb: number, from: ImageSnapshot): Promise<void> {
    let fresh = true;
    await this.#pool.clone(from, image).catch((error: unknown) => {
      if (!(error instanceof RbdError)) throw error;
      if (error.fault !== 'exists') throw translated(error);
      fresh = false;
    });
    const size = await tell(this.#pool.grow(image, bytesOf(sizeGb)));
    // Of one that was there it says nothing: the volume may have grown since.
    if (!fresh || size <= bytesOf(sizeGb)) return;
    await tell(this.#pool.remove(image));
    throw fault('failed', `the source has ${Math.ceil(size / GIB)} GiB, more than ${sizeGb}`);
  }

  #at(volumeId: string, snapshot: string): ImageSnapshot {
    return { pool: POOLS.volumes, image: VOLUME + volumeId, snapshot };
  }

  #checkUnused(volumeId: string): void {
    if (this.#connections.has(volumeId)) throw fault('busy', `volume ${volumeId} is connected`);
    if (this.#open.has(volumeId)) throw fault('busy', `volume ${volumeId} is open`);
  }

  #count(volumeId: string, by: 1 | -1): void {
    const count = (this.#open.get(volumeId) ?? 0) + by;
    if (count > 0) this.#open.set(volumeId, count);
    else this.#open.delete(volumeId);
  }
}

const FAULTS: Readonly<Record<RbdFault, VolumeBackendFault>> = {
  absent: 'absent',
  exists: 'failed',
  busy: 'busy',
  'no-space': 'no-space',
  forbidden: 'failed',
  unreachable: 'unreachable',
  failed: 'failed',
};

/** In the words of the port. */
async function tell<T>(asked: Promise<T>): Promise<T> {
  return asked.catch((error: unknown) => {
    throw error instanceof RbdError ? translated(error) : error;
  });
}

function translated(cause: RbdError): VolumeBackendError {
  return new VolumeBackendError(FAULTS[cause.fault], cause.message, { cause });
}

/** For what is repeated after a crash. */
async function unlessThere(making: Promise<void>): Promise<void> {
  await making.catch((error: unknown) => {
    if (!(error instanceof RbdError && error.fault === 'exists')) throw error;
  });
}

function fault(kind: VolumeBackendFault, message: string): VolumeBackendError {
  return new VolumeBackendError(kind, message);
}
