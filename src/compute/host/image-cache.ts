// The host's image cache: an image is loaded once, verified while it is written, and shared by later launches.
// A file's name is the image's id and checksum, so that an image that was uploaded again is another file.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import { ChecksumMismatch, ImageUnusable } from './errors.ts';

/** What the cache must know of an image. */
export interface CachableImage {
  readonly id: string;
  readonly disk_format: string;
  readonly size: number;
  readonly os_hash_algo: string;
  readonly os_hash_value: string;
}

export interface CachedImage {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /** Bytes that a guest would see. */
  readonly virtualSize: number;
  /** Bytes of the file. */
  readonly bytes: number;
  /** False when this call loaded it. */
  readonly hit: boolean;
}

export interface ImageCache {
  /** @param open opens the image's bytes at `location` when that is no file of this host. */
  load(
    image: CachableImage,
    location: string,
    open: () => Promise<Readable>,
    signal: AbortSignal,
  ): Promise<CachedImage>;
  /** Removes files that no path in `inUse` names and that nobody loaded within `olderThanMs`. */
  prune(inUse: ReadonlySet<string>, olderThanMs: number): Promise<string[]>;
  /** Removes what a process that died was loading. Only before anything is loaded. */
  removeUnfinished(): Promise<void>;
}

export function createImageCache(dir: string): ImageCache {
  const locks = new KeyedMutex();
  return {
    load: async (image, location, openStream, signal) =>
      locks.run(image.id, async () => {
        const path = join(dir, cacheName(image));
        const known = await existing(path, image);
        if (known) return known;
        await mkdir(dir, { recursive: true, mode: 0o700 });
        await fetchVerified(image, await source(location, openStream), path, signal);
        const loaded = await existing(path, image);
        if (!loaded) throw new ImageUnusable(image.id, 'it vanished from the cache while it was loaded');
        return { ...loaded, hit: false };
      }),
    prune: async (inUse, olderThanMs) => prune(dir, inUse, olderThanMs),
    removeUnfinished: async () => {
      for (const name of await readdir(dir).catch(() => []))
        if (name.endsWith('.part')) await rm(join(dir, name), { force: true });
    },
  };
}

function cacheName(image: CachableImage): string {
  if (!/^[0-9a-f-]{36}$/.test(image.id) || !/^[0-9a-f]{32,128}$/.test(image.os_hash_value)) {
    throw new ImageUnusable(image.id, 'the image service gave no checksum for it');
  }
  return `${image.id}_${image.os_hash_value.slice(0, 16)}`;
}

async function existing(path: string, image: CachableImage): Promise<CachedImage | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found || found.size !== image.size) return undefined;
  const now = new Date();
  await utimes(path, now, now); // prune goes by it
  return { path, ...(await readFormat(path, image)), bytes: found.size, hit: true };
}

async function source(location: string, openStream: () => Promise<Readable>): Promise<Readable> {
  if (!location.startsWith('file://')) return openStream();
  const path = fileURLToPath(location);
  const here = await stat(path).catch(() => undefined);
  return here?.isFile() ? createReadStream(path, { highWaterMark: 1 << 20 }) : openStream();
}

async function fetchVerified(
  image: CachableImage,
  from: Readable,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const part = `${path}.part`;
  const hash = createHash(image.os_hash_algo);
  let bytes = 0;
  const meter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      hash.update(chunk);
      done(
        bytes > image.size
          ? new ImageUnusable(image.id, `it is larger than the ${image.size} bytes it says`)
          : null,
        chunk,
      );
    },
  });
  try {
    await pipeline(from, meter, createWriteStream(part, { mode: 0o600 }), { signal });
    const actual = hash.digest('hex');
    if (actual !== image.os_hash_value)
      throw new ChecksumMismatch(image.id, image.os_hash_algo, image.os_hash_value, actual);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** The virtual size is in the file itself; the format must be what the image service inspected and says. */
async function readFormat(
  path: string,
  image: CachableImage,
): Promise<{ format: 'raw' | 'qcow2'; virtualSize: number }> {
  if (image.disk_format !== 'qcow2') return { format: 'raw', virtualSize: image.size };
  await using handle = await open(path, 'r');
  const header = Buffer.alloc(32);
  await handle.read(header, 0, 32, 0);
  if (header.toString('latin1', 0, 4) !== 'QFI\u00fb')
    throw new ImageUnusable(image.id, 'it says qcow2 and is not');
  if (header.readBigUInt64BE(8) !== 0n) throw new ImageUnusable(image.id, 'it refers to a backing file');
  return { format: 'qcow2', virtualSize: Number(header.readBigUInt64BE(24)) };
}

async function prune(dir: string, inUse: ReadonlySet<string>, olderThanMs: number): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(dir).catch(() => [])) {
    const path = join(dir, name);
    const found = await stat(path).catch(() => undefined);
    if (!found || inUse.has(path) || Date.now() - found.mtimeMs < olderThanMs) continue;
    await rm(path, { force: true });
    removed.push(path);
  }
  return removed;
}
