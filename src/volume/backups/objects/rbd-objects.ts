// Objects of backups in the pool `backups` of a Ceph cluster: an image `<set>.<name>` each, whole once it has its snapshot.
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { POOLS, type CephCluster } from '#drivers/rbd/access.ts';
import { RbdError, type RbdPool } from '#drivers/rbd/port.ts';
import { openRbdPool } from '#drivers/rbd/real.ts';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockAccess } from '#drivers/volume/port.ts';
import { BackupStoreError, type BackupObjects, type ObjectReader, type ObjectWriter } from './port.ts';

const SET = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const NAME = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const SNAPSHOT = 'whole';
const SIZE_NOTE = 'pileus.bytes';
/** Disks have whole sectors. */
const SECTOR = 4096;

/** @param cluster resolves when the cluster is there to be used */
export function createRbdObjects(cluster: () => Promise<CephCluster>): BackupObjects {
  const pool = async (): Promise<RbdPool> => openRbdPool(await cluster(), 'cinder-backup', POOLS.backups);
  return {
    create: async (set, name) =>
      translated(async () => {
        const image = imageOf(set, name);
        const at = await pool();
        await removeImage(at, image); // of a run that died
        return new RbdWriter(at, image);
      }),
    open: async (set, name) =>
      translated(async () => {
        const image = imageOf(set, name);
        const at = await pool();
        const size = await at.findNote(image, SIZE_NOTE);
        if (size === undefined || !(await at.snapshots(image)).includes(SNAPSHOT))
          throw new BackupStoreError('absent', 'The backup store has no such object.');
        return new RbdReader(await at.open(image, SNAPSHOT, 'ro'), Number(size));
      }),
    remove: async (set) =>
      translated(async () => {
        checkSet(set);
        const at = await pool();
        for (const { name } of await at.list()) if (name.startsWith(`${set}.`)) await removeImage(at, name);
      }),
    listSets: async () =>
      translated(async () => {
        const sets = (await (await pool()).list()).map(({ name }) => name.split('.')[0] ?? '');
        return [...new Set(sets)].filter((set) => SET.test(set));
      }),
  };
}

function checkSet(set: string): void {
  if (!SET.test(set)) throw new BackupStoreError('absent', 'The backup store has no such backup.');
}

function imageOf(set: string, name: string): string {
  checkSet(set);
  if (!NAME.test(name)) throw new BackupStoreError('absent', 'The backup store has no such object.');
  return `${set}.${name}`;
}

async function removeImage(pool: RbdPool, image: string): Promise<void> {
  await pool.removeSnapshot(image, SNAPSHOT);
  await pool.remove(image);
}

class RbdWriter implements ObjectWriter {
  readonly #pool: RbdPool;
  readonly #image: string;
  readonly #data = new PassThrough();
  readonly #writing: Promise<void>;
  #failure: unknown;
  #open = true;
  size = 0;

  constructor(pool: RbdPool, image: string) {
    this.#pool = pool;
    this.#image = image;
    this.#data.on('error', () => undefined); // told by what is awaited
    this.#writing = pool.write(image, async (pipe) => pipeline(this.#data, pipe));
    this.#writing.catch((error: unknown) => {
      this.#failure = error;
      this.#data.destroy();
    });
  }

  async append(data: Buffer): Promise<void> {
    await translated(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      // Resolves when it is on its way to the cluster: no more than one piece is held here.
      await new Promise<void>((resolve, reject) =>
        this.#data.write(data, (error) =>
          error ? reject(this.#failure instanceof Error ? this.#failure : error) : resolve(),
        ),
      );
      this.size += data.length;
    });
  }

  async commit(): Promise<void> {
    await translated(async () => {
      this.#data.end();
      await this.#writing;
      await this.#pool.grow(this.#image, Math.max(SECTOR, Math.ceil(this.size / SECTOR) * SECTOR));
      await this.#pool.setNote(this.#image, SIZE_NOTE, String(this.size));
      await this.#pool.createSnapshot(this.#image, SNAPSHOT);
      this.#open = false;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#data.destroy();
    await this.#writing.catch(() => undefined);
    await translated(async () => removeImage(this.#pool, this.#image));
  }
}

class RbdReader implements ObjectReader {
  readonly size: number;
  readonly #access: BlockAccess;

  constructor(access: BlockAccess, size: number) {
    this.#access = access;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    if (offset + length > this.size)
      throw new BackupStoreError('damaged', 'An object of the backup is shorter than it should be.');
    return translated(async () => this.#access.read(offset, length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#access[Symbol.asyncDispose]();
  }
}

async function translated<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BackupStoreError) throw error;
    const fault = error instanceof RbdError || error instanceof VolumeBackendError ? error.fault : 'failed';
    if (fault === 'absent')
      throw new BackupStoreError('absent', 'The backup store has no such object.', error);
    if (fault === 'no-space') throw new BackupStoreError('no-space', 'The backup store is full.', error);
    throw new BackupStoreError('failed', 'The backup store failed.', error);
  }
}
