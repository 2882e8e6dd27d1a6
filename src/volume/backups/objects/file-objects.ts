// Objects of backups as files: `<directory>/<set>/<name>`. A directory of its own file system, or a mounted share, serves as
// well as the default below the service's data.
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupStoreError, type BackupObjects, type ObjectReader, type ObjectWriter } from './port.ts';

const SET = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const NAME = /^[a-z0-9][a-z0-9.-]{0,63}$/;

export function createFileObjects(directory: string): BackupObjects {
  const setPath = (set: string): string => {
    if (!SET.test(set)) throw new BackupStoreError('absent', 'The backup store has no such backup.');
    return join(directory, set);
  };
  const pathOf = (set: string, name: string): string => {
    if (!NAME.test(name)) throw new BackupStoreError('absent', 'The backup store has no such object.');
    return join(setPath(set), name);
  };
  return {
    create: async (set, name) =>
      translated(async () => {
        const path = pathOf(set, name);
        await mkdir(setPath(set), { recursive: true, mode: 0o700 });
        return new FileWriter(path, setPath(set), await open(`${path}.part`, 'w', 0o600));
      }),
    open: async (set, name) =>
      translated(async () => {
        const file = await open(pathOf(set, name), 'r');
        return new FileReader(name, file, (await file.stat()).size);
      }),
    remove: async (set) => translated(async () => rm(setPath(set), { recursive: true, force: true })),
    listSets: async () =>
      translated(async () => {
        const names = await readdir(directory).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
          throw error;
        });
        return names.filter((name) => SET.test(name));
      }),
  };
}

class FileWriter implements ObjectWriter {
  readonly #path: string;
  readonly #directory: string;
  readonly #file: FileHandle;
  #open = true;
  size = 0;

  constructor(path: string, directory: string, file: FileHandle) {
    this.#path = path;
    this.#directory = directory;
    this.#file = file;
  }

  async append(data: Buffer): Promise<void> {
    await translated(async () => this.#file.appendFile(data));
    this.size += data.length;
  }

  async commit(): Promise<void> {
    await translated(async () => {
      await this.#file.sync();
      await this.#close();
      await rename(`${this.#path}.part`, this.#path);
      await syncDirectory(this.#directory);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    await this.#close();
    await rm(`${this.#path}.part`, { force: true });
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.#file.close();
  }
}

/** So that a rename survives a loss of power. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

class FileReader implements ObjectReader {
  readonly size: number;
  readonly #name: string;
  readonly #file: FileHandle;

  constructor(name: string, file: FileHandle, size: number) {
    this.#name = name;
    this.#file = file;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await translated(async () =>
        this.#file.read(buffer, done, length - done, offset + done),
      );
      if (bytesRead === 0)
        throw new BackupStoreError(
          'damaged',
          `Object ${this.#name} of the backup is shorter than it should be.`,
        );
      done += bytesRead;
    }
    return buffer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function translated<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    if (error instanceof BackupStoreError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new BackupStoreError('absent', 'The backup store has no such object.', error);
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new BackupStoreError('no-space', 'The backup store is full.', error);
    throw new BackupStoreError('failed', 'The backup store failed.', error);
  }
}
