// The embedded storage backend: thin qcow2 files, served over NBD by the host's one qemu-storage-daemon. Snapshots and
// clones copy no data. The layout and why it survives kill -9: docs/decisions/layers-of-volumes.md.
import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { VolumeBackendError, type VolumeBackendFault } from '#drivers/volume/errors.ts';
import { checkIds } from '#drivers/volume/ids.ts';
import {
  bytesOf,
  type BackendStats,
  type BlockAccess,
  type ConnectionInfo,
  type Connector,
  type GroupMember,
  type ImageLocation,
  type StoredVolume,
  type VolumeDriver,
  type VolumeSource,
} from '#drivers/volume/port.ts';
import { openExport } from '#drivers/storage-daemon/block-access.ts';
import type { StorageDaemon } from '#drivers/storage-daemon/daemon.ts';
import { FLUSH_EXPORT } from '#drivers/storage-daemon/flush.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import { exportId, Exports, type Frozen, type Mode } from './exports.ts';
import type { Layer } from './layers.ts';
import { Merger } from './merger.ts';
import type { Manifest } from './manifests.ts';
import { Store } from './store.ts';

export interface FileVolumeDriverOptions {
  /** Where the files are; made where it is absent. One driver at a time. */
  readonly directory: string;
  readonly daemon: StorageDaemon;
  readonly maxOverSubscriptionRatio?: number;
}

export interface FileVolumeDriver extends VolumeDriver {
  /** Resolves when layers that were to be merged are. For tests and measurements. */
  settled(): Promise<void>;
}

/** Exports of this kind belong to a service that reads or writes a volume itself, and end with it. */
const OWN_EXPORT = 'file-open-';

export async function createFileVolumeDriver(options: FileVolumeDriverOptions): Promise<FileVolumeDriver> {
  const store = await Store.open(options.directory);
  const driver = new FileVolumes(options, store);
  await driver.sweep();
  return driver;
}

class FileVolumes implements FileVolumeDriver {
  readonly #options: FileVolumeDriverOptions;
  readonly #store: Store;
  readonly #exports: Exports;
  readonly #merger: Merger;
  readonly #mutex = new KeyedMutex();
  /** Volume → attachment → mode. */
  readonly #connections = new Map<string, Map<string, Mode>>();
  /** Volume → exports by which it is open here. */
  readonly #open = new Map<string, Set<string>>();
  /** Volumes that are open here to be written. */
  readonly #written = new Set<string>();
  readonly #listeners = new Set<() => void>();
  readonly #endWatch: () => void;

  constructor(options: FileVolumeDriverOptions, store: Store) {
    this.#options = options;
    this.#store = store;
    this.#exports = new Exports(options.daemon, store);
    const exclusive = async <T>(act: () => Promise<T>): Promise<T> => this.#exclusive(act);
    this.#merger = new Merger({ store, exports: this.#exports, exclusive });
    this.#endWatch = options.daemon.onRestarted(() => void this.#restored());
  }

  async stats(): Promise<BackendStats> {
    const { directory, maxOverSubscriptionRatio = 20 } = this.#options;
    const { blocks, bavail, bsize } = await statfs(directory);
    return {
      totalGb: (blocks * bsize) / bytesOf(1),
      freeGb: (bavail * bsize) / bytesOf(1),
      provisionedGb: (await this.list()).reduce((sum, { sizeGb }) => sum + sizeGb, 0),
      maxOverSubscriptionRatio,
      thinProvisioning: true,
      multiattach: true,
      consistentGroups: true,
      storageProtocol: 'nbd',
      vendorName: 'Pileus',
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
    await this.#exclusive(async () => {
      if (this.#store.find(volumeId)) return;
      const base = await this.#frozen(source, sizeGb);
      await this.#newVolume(volumeId, sizeGb, base);
    });
    return { bytesCopied: 0 };
  }

  async cloneImage(
    volumeId: string,
    sizeGb: number,
    { imageId, url, diskFormat }: ImageLocation,
  ): Promise<{ bytesCopied: number } | undefined> {
    checkIds(volumeId);
    if (!url.startsWith('file:///') || (diskFormat !== 'raw' && diskFormat !== 'qcow2')) return undefined;
    return this.#exclusive(async () => {
      if (this.#store.find(volumeId)) return { bytesCopied: 0 };
      const image = await this.#store.layers.adoptImage(imageId, fileURLToPath(url), diskFormat);
      if (!image) return undefined;
      try {
        checkFits(image, sizeGb);
        await this.#newVolume(volumeId, sizeGb, image);
      } finally {
        await this.#sweepNow();
      }
      return { bytesCopied: 0 };
    });
  }

  async deleteVolume(volumeId: string): Promise<void> {
    checkIds(volumeId);
    await this.#exclusive(async () => {
      const volume = this.#store.find(volumeId);
      if (volume) {
        if (volume.snapshots.length > 0) throw fault('busy', `volume ${volumeId} has snapshots`);
        this.#checkUnused(volumeId);
        await this.#merger.release(this.#chainOf(volumeId));
        await this.#store.remove(volumeId);
      }
      await this.#sweepNow();
    });
    this.#merger.nudge();
  }

  async extendVolume(volumeId: string, sizeGb: number): Promise<void> {
    checkIds(volumeId);
    await this.#exclusive(async () => {
      const top = this.#store.topOf(volumeId);
      const bytes = bytesOf(sizeGb);
      if (top.bytes >= bytes) return;
      if (this.#open.has(volumeId)) throw fault('busy', `volume ${volumeId} is being read or written`);
      await this.#merger.release([top]);
      await this.#exports.grow(volumeId, this.#modesOf(volumeId), bytes);
      top.bytes = bytes;
    });
  }

  async createSnapshot(volumeId: string, snapshotId: string): Promise<void> {
    checkIds(volumeId, snapshotId);
    await this.#exclusive(async () => {
      if (this.#store.get(volumeId).snapshots.some(({ id }) => id === snapshotId)) {
        // Where an earlier try was cut off in the middle, guests still write to the layer that is frozen now.
        for (const mode of this.#modesOf(volumeId)) await this.#exports.serve(volumeId, mode);
        return;
      }
      await this.#freeze(volumeId, snapshotId);
    });
  }

  async createSnapshots(members: readonly GroupMember[]): Promise<void> {
    for (const { volumeId, snapshotId } of members) checkIds(volumeId, snapshotId);
    await this.#exclusive(async () => {
      for (const { volumeId } of members) this.#store.get(volumeId);
      for (const member of members) await this.#dropTaken(member);
      await this.#freezeAll(members);
    });
    this.#merger.nudge();
  }

  async deleteSnapshot(volumeId: string, snapshotId: string): Promise<void> {
    checkIds(volumeId, snapshotId);
    await this.#exclusive(async () => {
      const volume = this.#store.find(volumeId);
      if (volume?.snapshots.some(({ id }) => id === snapshotId)) {
        await this.#merger.release(this.#chainOf(volumeId));
        const snapshots = volume.snapshots.filter(({ id }) => id !== snapshotId);
        await this.#store.save(volumeId, { ...volume, snapshots });
      }
      await this.#sweepNow();
    });
    this.#merger.nudge();
  }

  async renameVolume(volumeId: string, to: string): Promise<void> {
    checkIds(volumeId, to);
    await this.#exclusive(async () => {
      const [volume, renamed] = [this.#store.find(volumeId), this.#store.find(to)];
      if (volume && renamed && volume.top !== renamed.top)
        throw fault('failed', `there is a volume ${to} already`);
      if (!renamed) {
        this.#checkUnused(volumeId);
        await this.#store.save(to, this.#store.get(volumeId));
      }
      // Cut off between the two, both manifests name the same layers, until this is done again.
      if (volume) await this.#store.remove(volumeId);
    });
  }

  async renameSnapshot(volumeId: string, snapshotId: string, to: string): Promise<void> {
    checkIds(volumeId, snapshotId, to);
    await this.#exclusive(async () => {
      const volume = this.#store.get(volumeId);
      const has = (id: string): boolean => volume.snapshots.some((each) => each.id === id);
      if (has(to) && has(snapshotId))
        throw fault('failed', `volume ${volumeId} has a snapshot ${to} already`);
      if (has(to)) return;
      this.#store.snapshotOf(volumeId, snapshotId);
      const snapshots = volume.snapshots.map((each) => (each.id === snapshotId ? { ...each, id: to } : each));
      await this.#store.save(volumeId, { ...volume, snapshots });
    });
  }

  async revertToSnapshot(volumeId: string, snapshotId: string, sizeGb: number): Promise<void> {
    checkIds(volumeId, snapshotId);
    await this.#exclusive(async () => {
      const volume = this.#store.get(volumeId);
      const layer = this.#store.snapshotOf(volumeId, snapshotId);
      if (volume.snapshots.at(-1)?.id !== snapshotId)
        throw fault('unsupported', `snapshot ${snapshotId} is not the newest of its volume`);
      this.#checkUnused(volumeId);
      await this.#merger.release(this.#chainOf(volumeId));
      const top = await this.#store.newLayer(Math.max(layer.bytes, bytesOf(sizeGb)), layer);
      await this.#store.save(volumeId, { ...volume, top: top.name });
      await this.#sweepNow();
    });
    this.#merger.nudge();
  }

  async connect(
    volumeId: string,
    { attachmentId, mode }: { attachmentId: string; connector: Connector; mode: Mode },
  ): Promise<ConnectionInfo> {
    checkIds(volumeId);
    return this.#exclusive(async () => {
      const { bytes } = this.#store.topOf(volumeId);
      // Reading is no hindrance: a guest comes back while its volume is still being backed up.
      if (mode === 'rw' && this.#written.has(volumeId))
        throw fault('busy', `volume ${volumeId} is being written`);
      for (const each of new Set([...this.#modesOf(volumeId), mode]))
        await this.#exports.serve(volumeId, each);
      const attachments = this.#connections.get(volumeId) ?? new Map<string, Mode>();
      this.#connections.set(volumeId, attachments.set(attachmentId, mode));
      const { nbd } = this.#options.daemon;
      const where = 'path' in nbd ? { socket_path: nbd.path } : { host: nbd.host, port: nbd.port };
      const name = exportId(volumeId, mode);
      const data = { export_name: name, ...where, discard: true, access_mode: mode, size: bytes };
      return { driver_volume_type: 'nbd', data };
    });
  }

  async disconnect(volumeId: string, attachmentId: string): Promise<void> {
    checkIds(volumeId);
    await this.#exclusive(async () => {
      const attachments = this.#connections.get(volumeId);
      attachments?.delete(attachmentId);
      if (attachments?.size === 0) this.#connections.delete(volumeId);
      await this.#withdrawUnwanted(volumeId);
    });
  }

  async restoreConnections(wanted: Parameters<VolumeDriver['restoreConnections']>[0]): Promise<void> {
    await this.#exclusive(async () => {
      this.#connections.clear();
      for (const { volumeId, attachmentId, mode } of wanted) {
        if (!this.#store.find(volumeId)) continue;
        const attachments = this.#connections.get(volumeId) ?? new Map<string, Mode>();
        this.#connections.set(volumeId, attachments.set(attachmentId, mode));
      }
      await this.#serveWanted();
    });
    // Also what was left half-way when everything died.
    this.#merger.nudge();
  }

  async open(
    { volumeId, snapshotId }: { volumeId: string; snapshotId?: string },
    mode: 'ro' | 'rw',
  ): Promise<BlockAccess> {
    checkIds(volumeId, ...(snapshotId === undefined ? [] : [snapshotId]));
    if (mode === 'rw' && snapshotId !== undefined) throw fault('unsupported', 'snapshots are not written to');
    return this.#exclusive(async () => {
      const layer =
        snapshotId === undefined ? this.#store.topOf(volumeId) : this.#store.snapshotOf(volumeId, snapshotId);
      if (mode === 'rw') this.#checkUnused(volumeId);
      const id = `${OWN_EXPORT}${randomBytes(12).toString('hex')}`;
      const open = this.#open.get(volumeId) ?? new Set();
      this.#open.set(volumeId, open.add(id));
      if (mode === 'rw') this.#written.add(volumeId);
      const onClosed = async (): Promise<void> => {
        open.delete(id);
        if (open.size === 0) this.#open.delete(volumeId);
        if (mode === 'rw') this.#written.delete(volumeId);
        // The volume may have got another top meanwhile.
        if (this.#store.layers.has(layer.name)) await this.#exports.closeChain(layer);
        if (this.#store.find(volumeId)) await this.#exports.closeChain(this.#store.topOf(volumeId));
      };
      try {
        await this.#exports.openChain(layer);
      } catch (error) {
        await onClosed().catch(() => undefined);
        throw error;
      }
      const access = await openExport({
        daemon: this.#options.daemon,
        node: layer.name,
        exportId: id,
        mode,
        onClosed,
      });
      const close = async (): Promise<void> => access[Symbol.asyncDispose]();
      return { ...access, [Symbol.asyncDispose]: async () => this.#exclusive(close) };
    });
  }

  async list(): Promise<readonly StoredVolume[]> {
    return [...this.#store.volumes()].map(([volumeId, { top, snapshots }]) => ({
      volumeId,
      sizeGb: Math.ceil(this.#store.layers.get(top).bytes / bytesOf(1)),
      snapshotIds: snapshots.map(({ id }) => id),
    }));
  }

  onLost(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async settled(): Promise<void> {
    await this.#merger.settled();
  }

  /** Removes files that an earlier run began and nothing names. */
  async sweep(): Promise<void> {
    await this.#exclusive(async () => this.#sweepNow());
  }

  /** Exports go on: guests do not notice that their volumes have no service for a while. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#endWatch();
    await this.#merger.close();
  }

  async #exclusive<T>(act: () => Promise<T>): Promise<T> {
    return this.#mutex.run('store', act);
  }

  #chainOf(volumeId: string): Layer[] {
    return this.#store.layers.chain(this.#store.get(volumeId).top);
  }

  #modesOf(volumeId: string): Mode[] {
    return [...new Set(this.#connections.get(volumeId)?.values())];
  }

  #checkUnused(volumeId: string): void {
    if (this.#connections.has(volumeId)) throw fault('busy', `volume ${volumeId} is connected`);
    if (this.#open.has(volumeId)) throw fault('busy', `volume ${volumeId} is open`);
  }

  /** A layer with the source's content that nobody writes to any longer. */
  async #frozen(source: VolumeSource, sizeGb: number): Promise<Layer | undefined> {
    if (source.kind === 'blank') return undefined;
    if (source.kind === 'snapshot') {
      const layer = this.#store.snapshotOf(source.volumeId, source.snapshotId);
      checkFits(layer, sizeGb);
      return layer;
    }
    checkFits(this.#store.topOf(source.volumeId), sizeGb);
    return this.#freeze(source.volumeId);
  }

  async #newVolume(volumeId: string, sizeGb: number, base: Layer | undefined): Promise<void> {
    const top = await this.#store.newLayer(bytesOf(sizeGb), base);
    await this.#store.save(volumeId, { top: top.name, snapshots: [] });
  }

  /**
   * Puts a new top over the volume's, named as a snapshot or not. The manifest is first: dying before the daemon has
   * followed, the new top is an empty layer over one that holds every write, so that nothing is lost either way.
   * @returns the layer that is frozen now
   */
  async #freeze(volumeId: string, snapshotId?: string): Promise<Layer> {
    const volume = this.#store.get(volumeId);
    const frozen = this.#store.topOf(volumeId);
    await this.#merger.release([frozen]);
    const top = await this.#store.newLayer(frozen.bytes, frozen);
    const taken = snapshotId === undefined ? [] : [{ id: snapshotId, layer: frozen.name }];
    await this.#store.save(volumeId, { top: top.name, snapshots: [...volume.snapshots, ...taken] });
    try {
      await this.#exports.putOver([{ layer: frozen, overlay: top }]);
    } catch (error) {
      if (error instanceof VolumeBackendError && error.fault === 'unreachable') throw error;
      await this.#store.save(volumeId, volume);
      await this.#store.layers.remove(top);
      throw error;
    }
    return frozen;
  }

  /** As `#freeze`, of several volumes: the new layers are there before guests begin to write to them, all at one moment. */
  async #freezeAll(members: readonly GroupMember[]): Promise<void> {
    const before: Array<{ volumeId: string; manifest: Manifest; overlay: Layer }> = [];
    const pairs: Frozen[] = [];
    for (const { volumeId, snapshotId } of members) {
      const manifest = this.#store.get(volumeId);
      const layer = this.#store.topOf(volumeId);
      await this.#merger.release([layer]);
      const overlay = await this.#store.newLayer(layer.bytes, layer);
      const snapshots = [...manifest.snapshots, { id: snapshotId, layer: layer.name }];
      await this.#store.save(volumeId, { top: overlay.name, snapshots });
      before.push({ volumeId, manifest, overlay });
      pairs.push({ layer, overlay });
    }
    try {
      await this.#exports.putOver(pairs);
    } catch (error) {
      if (error instanceof VolumeBackendError && error.fault === 'unreachable') throw error;
      for (const { volumeId, manifest, overlay } of before) {
        await this.#store.save(volumeId, manifest);
        await this.#store.layers.remove(overlay);
      }
      throw error;
    }
  }

  /** What was cut off in the middle may be of several moments. */
  async #dropTaken({ volumeId, snapshotId }: GroupMember): Promise<void> {
    const volume = this.#store.get(volumeId);
    if (!volume.snapshots.some(({ id }) => id === snapshotId)) return;
    for (const mode of this.#modesOf(volumeId)) await this.#exports.serve(volumeId, mode);
    await this.#merger.release(this.#chainOf(volumeId));
    const snapshots = volume.snapshots.filter(({ id }) => id !== snapshotId);
    await this.#store.save(volumeId, { ...volume, snapshots });
  }

  async #sweepNow(): Promise<void> {
    const garbage = this.#store.garbage();
    if (garbage.length === 0) return;
    await this.#exports.forget(garbage);
    for (const layer of garbage) await this.#store.layers.remove(layer);
  }

  /** Ends exports that no attachment wants, and lets go of the files. */
  async #withdrawUnwanted(volumeId: string): Promise<void> {
    const wanted = this.#modesOf(volumeId);
    for (const mode of ['rw', 'ro'] as const)
      if (!wanted.includes(mode)) await this.#exports.withdraw(volumeId, mode);
    if (wanted.length === 0 && this.#store.find(volumeId))
      await this.#exports.closeChain(this.#store.topOf(volumeId));
  }

  async #serveWanted(): Promise<void> {
    const own = new Set([...this.#open.values()].flatMap((ids) => [...ids]));
    const wanted = new Set(
      [...this.#connections.keys()].flatMap((id) => this.#modesOf(id).map((mode) => exportId(id, mode))),
    );
    for (const [id, node] of await this.#exports.served()) {
      const ours = [OWN_EXPORT, FLUSH_EXPORT, 'volume-'].some((kind) => id.startsWith(kind));
      if (!ours || wanted.has(id) || own.has(id)) continue;
      await this.#exports.remove(id);
      if (this.#store.layers.has(node)) await this.#exports.closeChain(this.#store.layers.get(node));
    }
    // One volume that cannot be served must not keep guests of the others waiting.
    const failures: unknown[] = [];
    for (const volumeId of this.#connections.keys())
      for (const mode of this.#modesOf(volumeId))
        await this.#exports.serve(volumeId, mode).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** Guests wait for their disks: they come back before anybody else is asked what there should be. */
  async #restored(): Promise<void> {
    // What fails here fails again, and is told, when the service restores what it wants.
    await this.#exclusive(async () => this.#serveWanted()).catch(() => undefined);
    for (const listener of this.#listeners) listener();
    this.#merger.nudge();
  }
}

function checkFits(layer: Layer, sizeGb: number): void {
  if (layer.bytes > bytesOf(sizeGb))
    throw fault('failed', `the source has ${layer.bytes} bytes, more than a volume of ${sizeGb} GiB`);
}

function fault(kind: VolumeBackendFault, message: string): VolumeBackendError {
  return new VolumeBackendError(kind, message);
}
