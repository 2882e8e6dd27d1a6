// The file store: one file an upload, in a directory of its own. Streams both ways, in constant memory.
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TooLarge } from '../errors.ts';
import { CHUNK_BYTES, pourMetered } from './meter.ts';
import { checkDataName, isDataName, NoSuchData, type ImageStore, type StoreFactory } from './port.ts';

/** Below the service's directory unless `options.path` says otherwise; the first store keeps the place that it always had. */
export const openFileStore: StoreFactory = async ({ id, options = {} }, { dataDir }) =>
  createFileStore(options['path'] ?? (id === 'file' ? join(dataDir, 'store') : join(dataDir, 'stores', id)));

export async function createFileStore(dir: string): Promise<ImageStore> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(dir, checkDataName(name));
  return {
    kind: 'file',
    properties: { data_dir: dir },
    location: (name) => pathToFileURL(path(name)).href,
    get: async (name, range) => {
      const handle = await open(path(name)).catch((cause: unknown) => {
        throw isAbsent(cause) ? new NoSuchData(name, cause) : cause;
      });
      return handle.createReadStream({ highWaterMark: CHUNK_BYTES, ...range });
    },
    size: async (name) => {
      const found = await stat(path(name)).catch((error: unknown) => {
        if (!isAbsent(error)) throw error;
      });
      return found?.size;
    },
    delete: async (name) => {
      await rm(path(name), { force: true });
      await rm(`${path(name)}.part`, { force: true });
    },
    isInUse: async () => false, // who reads the file reads on: its blocks go with the last reader
    put: async (from, options) => {
      const part = `${path(options.name)}.part`;
      from.on('error', () => undefined); // it may break before and after it is read here
      try {
        // Opened before anything can fail, so that no file appears after `rm` below has looked for it.
        await using handle = await open(part, 'wx', 0o600);
        const file = handle.createWriteStream({ highWaterMark: CHUNK_BYTES, flush: true });
        const stored = await pourMetered(from, file, options);
        await rename(part, path(options.name));
        return stored;
      } catch (error) {
        await rm(part, { force: true });
        throw isFull(error)
          ? new TooLarge('There is not enough room for the image in the store.', 'store-full')
          : error;
      }
    },
    list: async () => {
      const names = await readdir(dir);
      return [...new Set(names.map((name) => name.replace(/\.part$/, '')))].filter(isDataName);
    },
    free: async () => {
      const { bavail, bsize } = await statfs(dir);
      return bavail * bsize;
    },
  };
}

function isAbsent(error: unknown): boolean {
  return (error as { code?: string }).code === 'ENOENT';
}

function isFull(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}
