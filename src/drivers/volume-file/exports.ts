// What of the store is open in the storage daemon, and what of it guests reach: block nodes of layers, one a layer, and
// exports of volumes. It asks the daemon each time, which may have died in between. Called by driver.ts.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockNode, StorageDaemon } from '#drivers/storage-daemon/daemon.ts';
import type { Layer } from './layers.ts';
import type { Store } from './store.ts';

export type Mode = 'rw' | 'ro';

/** Also the name that NBD clients ask for. */
export const exportId = (volumeId: string, mode: Mode): string => `volume-${volumeId}-${mode}`;

/** A layer that is written to no more, and the one over it that is. */
export interface Frozen {
  readonly layer: Layer;
  readonly overlay: Layer;
}

export class Exports {
  readonly #daemon: StorageDaemon;
  readonly #store: Store;
  /**
   * Whether layers are closed that lie over nothing, because who was putting them over another died in the middle: they
   * read as if nothing were below.
   */
  #halvesClosed = false;

  constructor(daemon: StorageDaemon, store: Store) {
    this.#daemon = daemon;
    this.#store = store;
    // Whatever was being asked of it may be half done.
    daemon.onRestarted(() => (this.#halvesClosed = false));
  }

  /** Opens a layer with all below it. */
  async openChain(top: Layer): Promise<void> {
    const open = new Map(await this.#daemon.listNodes());
    if (!this.#halvesClosed) {
      for (const layer of this.#store.layers.all())
        if (layer.backing !== undefined && open.has(layer.name) && open.get(layer.name) === undefined)
          if (await this.#daemon.removeNode(layer.name)) open.delete(layer.name);
      this.#halvesClosed = true;
    }
    const missing = this.#store.layers.chain(top.name).filter(({ name }) => !open.has(name));
    for (const layer of missing.toReversed())
      await this.#daemon.addNode(this.#node(layer, layer.backing ?? null));
  }

  /** Closes a layer and what below it nobody else uses. */
  async closeChain(top: Layer): Promise<void> {
    for (const { name } of this.#store.layers.chain(top.name))
      if (!(await this.#daemon.removeNode(name))) return;
  }

  /** Makes the volume reachable. Of an export that is on another layer than the volume's top, a new one. */
  async serve(volumeId: string, mode: Mode): Promise<void> {
    const top = this.#store.topOf(volumeId);
    const id = exportId(volumeId, mode);
    const node = (await this.#daemon.listExports()).get(id);
    if (node === top.name) return;
    if (node !== undefined) await this.#withdrawAll(volumeId);
    await this.openChain(top);
    const writable = mode === 'rw';
    // A daemon that dies takes what it has not written with it, and guests, who connect anew, would never know.
    await this.#daemon.addExport({ id, node: top.name, name: id, writable, writethrough: writable });
  }

  async withdraw(volumeId: string, mode: Mode): Promise<void> {
    await this.#daemon.removeExport(exportId(volumeId, mode));
  }

  /** Exports of volumes that are there now, by their ids. */
  async served(): Promise<ReadonlyMap<string, string>> {
    return this.#daemon.listExports();
  }

  async remove(id: string): Promise<void> {
    await this.#daemon.removeExport(id);
  }

  /**
   * Each `overlay`, a layer over `layer`, is written to from now on by all who wrote to that: from one moment on for all pairs.
   * What an earlier try has done is done.
   */
  async putOver(pairs: readonly Frozen[]): Promise<void> {
    const open = await this.#daemon.listNodes();
    const wanted = pairs.filter(
      ({ layer, overlay }) => open.has(layer.name) && open.get(overlay.name) !== layer.name,
    );
    if (wanted.length === 0) return;
    try {
      for (const { overlay } of wanted) {
        if (open.has(overlay.name)) await this.#daemon.removeNode(overlay.name); // over nothing: a try that was cut off
        await this.#daemon.addNode(this.#node(overlay, null));
      }
      await this.#daemon.putOver(
        wanted.map(({ layer, overlay }) => ({ node: layer.name, overlay: overlay.name })),
      );
    } catch (error) {
      if (error instanceof VolumeBackendError && error.fault === 'unreachable') throw error;
      for (const { overlay } of wanted) await this.#daemon.removeNode(overlay.name);
      throw error;
    }
  }

  /** Nobody may be connected while it happens: the daemon forbids it. Clients connect anew and see the size. */
  async grow(volumeId: string, modes: readonly Mode[], bytes: number): Promise<void> {
    const top = this.#store.topOf(volumeId);
    await this.openChain(top);
    try {
      for (const mode of modes) await this.withdraw(volumeId, mode);
      await this.#daemon.resize(top.name, bytes);
    } finally {
      for (const mode of modes) await this.serve(volumeId, mode);
      if (modes.length === 0) await this.closeChain(top);
    }
  }

  async merge(into: Layer, from: Layer, signal: AbortSignal): Promise<void> {
    const base = from.backing === undefined ? undefined : this.#store.layers.get(from.backing);
    await this.#daemon.stream(
      {
        id: `merge-${into.name}`,
        node: into.name,
        ...(base && { base: base.name, backingFile: `${base.name}.${base.format}` }),
      },
      signal,
    );
  }

  /** Lets go of files that are to be removed, upper ones first. Where the daemon does not answer, they go all the same. */
  async forget(layers: readonly Layer[]): Promise<void> {
    if (!this.#daemon.connected) return;
    try {
      const open = await this.#daemon.listNodes();
      for (const { name } of layers) if (open.has(name)) await this.#daemon.removeNode(name);
    } catch (error) {
      if (!(error instanceof VolumeBackendError) || error.fault !== 'unreachable') throw error;
    }
  }

  async #withdrawAll(volumeId: string): Promise<void> {
    const wrong = (await this.#daemon.listExports()).get(exportId(volumeId, 'rw'));
    for (const mode of ['rw', 'ro'] as const) await this.withdraw(volumeId, mode);
    if (wrong !== undefined && this.#store.layers.has(wrong))
      await this.closeChain(this.#store.layers.get(wrong));
  }

  #node(layer: Layer, backing: string | null): BlockNode {
    const writable = this.#store.isTop(layer);
    const file = { driver: 'file', filename: this.#store.layers.path(layer) };
    const common = { 'node-name': layer.name, 'read-only': !writable, discard: 'unmap', file };
    return layer.format === 'raw' ? { ...common, driver: 'raw' } : { ...common, driver: 'qcow2', backing };
  }
}
