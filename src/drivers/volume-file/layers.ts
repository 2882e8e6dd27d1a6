// The layers of all volumes: files of one directory, each over at most one other. Files say what lies over what; volumes
// (manifests.ts) and their snapshots are names for layers. Called by store.ts.
import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readQcow2Header } from '#drivers/disk-image/qcow2-header.ts';
import { writeOverlay } from '#drivers/disk-image/qcow2-overlay.ts';
import { VolumeBackendError } from '#drivers/volume/errors.ts';

export interface Layer {
  /** Of the file without its ending; also the name of its block node, which has at most 31 characters. */
  readonly name: string;
  readonly format: 'qcow2' | 'raw';
  /** Layer below it. */
  backing: string | undefined;
  bytes: number;
}

const OWN = /^(l-[0-9a-f]{20}|i-[0-9a-f]{24})\.(qcow2|raw)$/;

export const fileNameOf = ({ name, format }: Pick<Layer, 'name' | 'format'>): string => `${name}.${format}`;
/** An image's file, shared with the image store by a hard link, is never written and never merged. */
export const isImage = ({ name }: Layer): boolean => name.startsWith('i-');

export class Layers {
  readonly #directory: string;
  readonly #all = new Map<string, Layer>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads every file; what it knew before is forgotten. */
  async load(): Promise<void> {
    this.#all.clear();
    for (const file of await readdir(this.#directory)) {
      const [, name, format] = OWN.exec(file) ?? [];
      if (name === undefined) continue;
      const layer = await readLayer(this.#directory, name, format === 'raw' ? 'raw' : 'qcow2');
      if (layer) this.#all.set(name, layer);
    }
  }

  path(layer: Pick<Layer, 'name' | 'format'>): string {
    return join(this.#directory, fileNameOf(layer));
  }

  get(name: string): Layer {
    const layer = this.#all.get(name);
    if (!layer) throw new VolumeBackendError('failed', `layer ${name} is missing from ${this.#directory}`);
    return layer;
  }

  has(name: string): boolean {
    return this.#all.has(name);
  }

  all(): Iterable<Layer> {
    return this.#all.values();
  }

  /** From the layer down to its base. */
  chain(name: string): Layer[] {
    const chain: Layer[] = [];
    for (let next: string | undefined = name; next !== undefined; next = chain.at(-1)!.backing) {
      if (chain.some((layer) => layer.name === next))
        throw new VolumeBackendError('failed', `layer ${next} lies over itself`);
      chain.push(this.get(next));
    }
    return chain;
  }

  /** An empty layer over another, or over nothing. On the disk when it resolves. */
  async create(bytes: number, backing: Layer | undefined): Promise<Layer> {
    const layer: Layer = {
      name: `l-${randomBytes(10).toString('hex')}`,
      format: 'qcow2',
      backing: backing?.name,
      bytes,
    };
    const path = this.path(layer);
    // Relative to the file, so that the directory can be moved as a whole.
    const below = backing && { path: fileNameOf(backing), format: backing.format };
    await writeOverlay({ path, virtualSize: bytes, ...(below && { backing: below }) });
    await using file = await open(path, 'r');
    await file.sync();
    this.#all.set(layer.name, layer);
    return layer;
  }

  /**
   * Makes the image's file a layer, without copying it. Undefined when it cannot be shared: another file system, another
   * format, or a file that is more than its own data.
   */
  async adoptImage(imageId: string, source: string, format: 'raw' | 'qcow2'): Promise<Layer | undefined> {
    const name = `i-${createHash('sha256').update(imageId).digest('hex').slice(0, 24)}`;
    const known = this.#all.get(name);
    if (known) return known;
    const file = await lstat(source).catch(() => undefined);
    if (!file?.isFile()) return undefined;
    const header = format === 'qcow2' ? await readQcow2Header(source) : undefined;
    if (format === 'qcow2' && (!header?.plain || header.backingFile !== undefined)) return undefined;
    const layer: Layer = { name, format, backing: undefined, bytes: header?.virtualSize ?? file.size };
    try {
      await link(source, this.path(layer));
    } catch {
      return undefined;
    }
    this.#all.set(name, layer);
    return layer;
  }

  async remove(layer: Layer): Promise<void> {
    await unlink(this.path(layer)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    this.#all.delete(layer.name);
  }
}

async function readLayer(
  directory: string,
  name: string,
  format: Layer['format'],
): Promise<Layer | undefined> {
  const path = join(directory, fileNameOf({ name, format }));
  if (format === 'raw') return { name, format, backing: undefined, bytes: (await lstat(path)).size };
  const header = await readQcow2Header(path);
  // A file that was being made when everything died: nothing names it, and it goes with the garbage.
  if (!header) return { name, format, backing: undefined, bytes: 0 };
  const backing = header.backingFile?.replace(/\.(qcow2|raw)$/, '');
  return { name, format, backing, bytes: header.virtualSize };
}
