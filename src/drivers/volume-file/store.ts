// Volumes and layers together: what names what, what nobody needs any longer, and what can be merged. It knows files
// only; who has them open is exports.ts. Called by driver.ts, which does one thing at a time.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { isImage, Layers, type Layer } from './layers.ts';
import { loadManifests, removeManifest, saveManifest, syncDirectory, type Manifest } from './manifests.ts';

/** `from` is needed by `into` alone: its data can move up, and then it can go. */
export interface Merge {
  readonly into: Layer;
  readonly from: Layer;
}

export class Store {
  readonly layers: Layers;
  readonly #layersDir: string;
  readonly #volumesDir: string;
  readonly #volumes: Map<string, Manifest>;

  private constructor(directory: string, volumes: Map<string, Manifest>) {
    this.#layersDir = join(directory, 'layers');
    this.#volumesDir = join(directory, 'volumes');
    this.layers = new Layers(this.#layersDir);
    this.#volumes = volumes;
  }

  static async open(directory: string): Promise<Store> {
    for (const part of ['layers', 'volumes'])
      await mkdir(join(directory, part), { recursive: true, mode: 0o700 });
    const store = new Store(directory, await loadManifests(join(directory, 'volumes')));
    await store.layers.load();
    return store;
  }

  find(volumeId: string): Manifest | undefined {
    return this.#volumes.get(volumeId);
  }

  get(volumeId: string): Manifest {
    const volume = this.#volumes.get(volumeId);
    if (!volume) throw new VolumeBackendError('absent', `there is no volume ${volumeId}`);
    return volume;
  }

  topOf(volumeId: string): Layer {
    return this.layers.get(this.get(volumeId).top);
  }

  snapshotOf(volumeId: string, snapshotId: string): Layer {
    const snapshot = this.get(volumeId).snapshots.find(({ id }) => id === snapshotId);
    if (!snapshot) throw new VolumeBackendError('absent', `volume ${volumeId} has no snapshot ${snapshotId}`);
    return this.layers.get(snapshot.layer);
  }

  volumes(): Iterable<[string, Manifest]> {
    return this.#volumes.entries();
  }

  /** An empty layer; its name is on the disk too, so that no manifest can name what a loss of power took. */
  async newLayer(bytes: number, backing?: Layer): Promise<Layer> {
    const layer = await this.layers.create(bytes, backing);
    await syncDirectory(this.#layersDir);
    return layer;
  }

  async save(volumeId: string, manifest: Manifest): Promise<void> {
    await saveManifest(this.#volumesDir, volumeId, manifest);
    this.#volumes.set(volumeId, manifest);
  }

  async remove(volumeId: string): Promise<void> {
    await removeManifest(this.#volumesDir, volumeId);
    this.#volumes.delete(volumeId);
  }

  /** Tops of volumes and layers of snapshots. */
  #named(): Set<string> {
    const names = new Set<string>();
    for (const { top, snapshots } of this.#volumes.values()) {
      names.add(top);
      for (const { layer } of snapshots) names.add(layer);
    }
    return names;
  }

  isTop(layer: Layer): boolean {
    return this.#volumes.values().some(({ top }) => top === layer.name);
  }

  /** Layers that no volume and no snapshot rests on, upper ones first. */
  garbage(): Layer[] {
    const needed = new Set<string>();
    for (const name of this.#named())
      for (const layer of this.layers.chain(name)) {
        if (needed.has(layer.name)) break;
        needed.add(layer.name);
      }
    const unneeded = [...this.layers.all()].filter(({ name }) => !needed.has(name));
    const depth = new Map(unneeded.map((layer) => [layer, this.#depth(layer)]));
    return unneeded.toSorted((a, b) => depth.get(b)! - depth.get(a)!); // of each, just above
  }

  #depth(layer: Layer): number {
    // What lies over a layer that is gone already is garbage too.
    let depth = 0;
    for (let next = layer.backing; next !== undefined && this.layers.has(next) && depth < 10_000; depth++)
      next = this.layers.get(next).backing;
    return depth;
  }

  /** Lowest first, so that data moves as few times as possible. */
  findMerge(): Merge | undefined {
    const named = this.#named();
    const over = new Map<string, Layer[]>();
    for (const layer of this.layers.all())
      if (layer.backing !== undefined) over.set(layer.backing, [...(over.get(layer.backing) ?? []), layer]);
    const merges = [...this.layers.all()].flatMap((from) => {
      const [into, second] = over.get(from.name) ?? [];
      return into && !second && !named.has(from.name) && !isImage(from) ? { into, from } : [];
    });
    return merges.toSorted((a, b) => this.#depth(a.from) - this.#depth(b.from))[0];
  }
}
