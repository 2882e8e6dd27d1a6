// A working model of a storage backend for the simulated cloud and for tests: no root, no daemon. Volumes are maps of
// 64 KiB blocks in one file, so that snapshots and clones copy no data and volumes outlive a restart.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VolumeBackendError, type VolumeBackendFault } from '#drivers/volume/errors.ts';
import { checkIds } from '#drivers/volume/ids.ts';
import {
  bytesOf,
  type BackendStats,
  type BlockAccess,
  type ConnectionInfo,
  type Connector,
  type GroupMember,
  type StoredVolume,
  type VolumeDriver,
  type VolumeSource,
} from '#drivers/volume/port.ts';
import { openContent } from './block-access.ts';
import { offerModel } from './models.ts';
import { BLOCK, BlockPool } from './block-pool.ts';
import {
  loadVolumes,
  saveVolumes,
  usedBlocks,
  type Content,
  type ModelVolume,
  type Volumes,
} from './saved-state.ts';

export interface MemoryVolumeDriverOptions {
  /** Where the volumes are kept; made where it is absent. One driver at a time. */
  readonly directory: string;
  readonly totalGb: number;
  readonly maxOverSubscriptionRatio?: number;
}

/** What tests and simulations do to it, beside the port. */
export interface MemoryVolumeDriver extends VolumeDriver {
  /** As if a daemon of the backend died and came back: nothing is connected, and listeners are told. */
  loseConnections(): void;
  /** Attachments under which the volume is reachable now. */
  connectionsOf(volumeId: string): readonly string[];
}

export async function createMemoryVolumeDriver(
  options: MemoryVolumeDriverOptions,
): Promise<MemoryVolumeDriver> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const volumes = await loadVolumes(join(options.directory, 'volumes.json'));
  const pool = await BlockPool.open(join(options.directory, 'blocks'), usedBlocks(volumes));
  return new MemoryVolumes(options, volumes, pool);
}

class MemoryVolumes implements MemoryVolumeDriver {
  readonly #options: MemoryVolumeDriverOptions;
  readonly #volumes: Volumes;
  readonly #pool: BlockPool;
  /** Volume → attachment → mode. */
  readonly #connections = new Map<string, Map<string, 'rw' | 'ro'>>();
  /** How often each volume is open here. */
  readonly #open = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  readonly #offer: ReturnType<typeof offerModel>;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: MemoryVolumeDriverOptions, volumes: Volumes, pool: BlockPool) {
    this.#options = options;
    this.#volumes = volumes;
    this.#pool = pool;
    this.#offer = offerModel(options.directory, (volumeId) => this.#openForOthers(volumeId));
  }

  async stats(): Promise<BackendStats> {
    const { totalGb, maxOverSubscriptionRatio = 20 } = this.#options;
    const provisionedGb = this.#volumes.values().reduce((sum, { sizeGb }) => sum + sizeGb, 0);
    return {
      totalGb,
      freeGb: Math.max(0, totalGb - (this.#pool.usedBlocks * BLOCK) / bytesOf(1)),
      provisionedGb,
      maxOverSubscriptionRatio,
      thinProvisioning: true,
      multiattach: true,
      consistentGroups: true,
      storageProtocol: 'simulated',
      vendorName: 'Pileus',
      driverVersion: '1',
      simulated: true,
    };
  }

  async createVolume(
    volumeId: string,
    sizeGb: number,
    source: VolumeSource,
  ): Promise<{ bytesCopied: number }> {
    checkIds(volumeId);
    if (!this.#volumes.has(volumeId)) {
      const content = this.#sourceOf(source);
      if (content && content.sizeGb > sizeGb)
        throw fault('failed', `the source has ${content.sizeGb} GiB, more than ${sizeGb}`);
      this.#pool.freeze();
      this.#volumes.set(volumeId, { sizeGb, blocks: new Map(content?.blocks), snapshots: new Map() });
    }
    await this.#save();
    return { bytesCopied: 0 };
  }

  async cloneImage(): Promise<undefined> {
    return undefined;
  }

  async deleteVolume(volumeId: string): Promise<void> {
    checkIds(volumeId);
    const volume = this.#volumes.get(volumeId);
    if (!volume) return;
    if (volume.snapshots.size > 0) throw fault('busy', `volume ${volumeId} has snapshots`);
    this.#checkUnused(volumeId);
    this.#volumes.delete(volumeId);
    this.#pool.release(volume.blocks.values());
    await this.#save();
  }

  async extendVolume(volumeId: string, sizeGb: number): Promise<void> {
    const volume = this.#get(volumeId);
    volume.sizeGb = Math.max(volume.sizeGb, sizeGb);
    await this.#save();
  }

  async createSnapshot(volumeId: string, snapshotId: string): Promise<void> {
    checkIds(snapshotId);
    this.#freeze(volumeId, snapshotId);
    await this.#save();
  }

  #freeze(volumeId: string, snapshotId: string): void {
    const volume = this.#get(volumeId);
    if (volume.snapshots.has(snapshotId)) return;
    this.#pool.freeze();
    volume.snapshots.set(snapshotId, { sizeGb: volume.sizeGb, blocks: new Map(volume.blocks) });
  }

  async createSnapshots(members: readonly GroupMember[]): Promise<void> {
    for (const { volumeId, snapshotId } of members) {
      checkIds(snapshotId);
      this.#get(volumeId);
    }
    for (const { volumeId, snapshotId } of members) await this.deleteSnapshot(volumeId, snapshotId);
    for (const { volumeId, snapshotId } of members) this.#freeze(volumeId, snapshotId);
    await this.#save();
  }

  async deleteSnapshot(volumeId: string, snapshotId: string): Promise<void> {
    checkIds(volumeId, snapshotId);
    const snapshots = this.#volumes.get(volumeId)?.snapshots;
    const snapshot = snapshots?.get(snapshotId);
    if (!snapshots || !snapshot) return;
    snapshots.delete(snapshotId);
    this.#pool.release(snapshot.blocks.values());
    await this.#save();
  }

  async renameVolume(volumeId: string, to: string): Promise<void> {
    checkIds(volumeId, to);
    if (!this.#volumes.has(to)) {
      const volume = this.#get(volumeId);
      this.#checkUnused(volumeId);
      this.#volumes.set(to, volume);
      this.#volumes.delete(volumeId);
    } else if (this.#volumes.has(volumeId)) throw fault('failed', `there is a volume ${to} already`);
    await this.#save();
  }

  async renameSnapshot(volumeId: string, snapshotId: string, to: string): Promise<void> {
    checkIds(snapshotId, to);
    const volume = this.#get(volumeId);
    if (volume.snapshots.has(to) && volume.snapshots.has(snapshotId))
      throw fault('failed', `volume ${volumeId} has a snapshot ${to} already`);
    if (!volume.snapshots.has(to)) {
      this.#snapshotOf(volumeId, snapshotId);
      const renamed = [...volume.snapshots].map(([id, each]) => [id === snapshotId ? to : id, each] as const);
      volume.snapshots = new Map(renamed); // in the same order
    }
    await this.#save();
  }

  async revertToSnapshot(volumeId: string, snapshotId: string, sizeGb: number): Promise<void> {
    const volume = this.#get(volumeId);
    const snapshot = this.#snapshotOf(volumeId, snapshotId);
    if ([...volume.snapshots.keys()].at(-1) !== snapshotId)
      throw fault('unsupported', `snapshot ${snapshotId} is not the newest of its volume`);
    this.#checkUnused(volumeId);
    this.#pool.release(volume.blocks.values());
    volume.blocks = new Map(snapshot.blocks);
    volume.sizeGb = Math.max(snapshot.sizeGb, sizeGb);
    await this.#save();
  }

  async connect(
    volumeId: string,
    { attachmentId, mode }: { attachmentId: string; connector: Connector; mode: 'rw' | 'ro' },
  ): Promise<ConnectionInfo> {
    const { sizeGb } = this.#get(volumeId);
    const attachments = this.#connections.get(volumeId) ?? new Map<string, 'rw' | 'ro'>();
    this.#connections.set(volumeId, attachments.set(attachmentId, mode));
    return {
      driver_volume_type: 'simulated',
      data: { volume_id: volumeId, store: this.#offer.name, access_mode: mode, size: bytesOf(sizeGb) },
    };
  }

  async disconnect(volumeId: string, attachmentId: string): Promise<void> {
    const attachments = this.#connections.get(volumeId);
    attachments?.delete(attachmentId);
    if (attachments?.size === 0) this.#connections.delete(volumeId);
  }

  async restoreConnections(wanted: Parameters<VolumeDriver['restoreConnections']>[0]): Promise<void> {
    this.#connections.clear();
    for (const { volumeId, ...options } of wanted)
      if (this.#volumes.has(volumeId)) await this.connect(volumeId, options);
  }

  async open(
    { volumeId, snapshotId }: { volumeId: string; snapshotId?: string },
    mode: 'ro' | 'rw',
  ): Promise<BlockAccess> {
    const content = snapshotId === undefined ? this.#get(volumeId) : this.#snapshotOf(volumeId, snapshotId);
    if (mode === 'rw' && snapshotId !== undefined) throw fault('unsupported', 'snapshots are not written to');
    if (mode === 'rw') this.#checkUnused(volumeId);
    this.#open.set(volumeId, (this.#open.get(volumeId) ?? 0) + 1);
    return openContent({
      content,
      pool: this.#pool,
      mode,
      checkSpace: () => this.#checkSpace(),
      save: () => this.#save(),
      onClose: () => this.#close(volumeId),
    });
  }

  async list(): Promise<readonly StoredVolume[]> {
    return [...this.#volumes].map(([volumeId, { sizeGb, snapshots }]) => ({
      volumeId,
      sizeGb,
      snapshotIds: [...snapshots.keys()],
    }));
  }

  onLost(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  loseConnections(): void {
    this.#connections.clear();
    for (const listener of this.#listeners) listener();
  }

  connectionsOf(volumeId: string): readonly string[] {
    return [...(this.#connections.get(volumeId)?.keys() ?? [])];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#offer.end();
    await this.#save();
    await this.#pool[Symbol.asyncDispose]();
  }

  /** Lasts as long as the volume is connected, as a connection to a real backend does, and holds nothing open here. */
  #openForOthers(volumeId: string): BlockAccess {
    const check = (): void => {
      if (!this.#connections.has(volumeId)) throw fault('unreachable', `volume ${volumeId} is not connected`);
    };
    check();
    const access = openContent({
      content: this.#get(volumeId),
      pool: this.#pool,
      mode: 'ro',
      checkSpace: () => undefined,
      save: async () => undefined,
      onClose: () => undefined,
    });
    return {
      ...access,
      read: async (offset, length) => {
        check();
        return access.read(offset, length);
      },
    };
  }

  #get(volumeId: string): ModelVolume {
    checkIds(volumeId);
    const volume = this.#volumes.get(volumeId);
    if (!volume) throw fault('absent', `there is no volume ${volumeId}`);
    return volume;
  }

  #snapshotOf(volumeId: string, snapshotId: string): Content {
    checkIds(snapshotId);
    const snapshot = this.#get(volumeId).snapshots.get(snapshotId);
    if (!snapshot) throw fault('absent', `volume ${volumeId} has no snapshot ${snapshotId}`);
    return snapshot;
  }

  #sourceOf(source: VolumeSource): Content | undefined {
    switch (source.kind) {
      case 'blank':
        return undefined;
      case 'snapshot':
        return this.#snapshotOf(source.volumeId, source.snapshotId);
      case 'volume':
        return this.#get(source.volumeId);
    }
  }

  #checkUnused(volumeId: string): void {
    if (this.#connections.has(volumeId)) throw fault('busy', `volume ${volumeId} is connected`);
    if (this.#open.has(volumeId)) throw fault('busy', `volume ${volumeId} is open`);
  }

  #close(volumeId: string): void {
    const left = (this.#open.get(volumeId) ?? 1) - 1;
    if (left > 0) this.#open.set(volumeId, left);
    else this.#open.delete(volumeId);
  }

  #checkSpace(): void {
    if ((this.#pool.usedBlocks + 1) * BLOCK > bytesOf(this.#options.totalGb))
      throw fault('no-space', 'the backend is full');
  }

  /** One after the other; content first, then the names of it. */
  async #save(): Promise<void> {
    const saving = this.#saving.then(async () => {
      await this.#pool.sync();
      const used = usedBlocks(this.#volumes);
      await saveVolumes(join(this.#options.directory, 'volumes.json'), this.#volumes);
      this.#pool.settle(used.union(usedBlocks(this.#volumes)));
    });
    this.#saving = saving.catch(() => undefined);
    await saving;
  }
}

function fault(kind: VolumeBackendFault, message: string): VolumeBackendError {
  return new VolumeBackendError(kind, message);
}
