// Image data in a pool of a Ceph cluster: an image a piece of data, with a snapshot `snap` that says it is whole and that
// volumes and root disks are cloned from. Raw data only is worth cloning; other formats are kept as they are.
import { Readable, Transform } from 'node:stream';
import { rbdUrl } from '#drivers/rbd/location.ts';
import { POOLS, type CephCluster } from '#drivers/rbd/access.ts';
import { RbdError, type RbdPool } from '#drivers/rbd/port.ts';
import { openRbdPool } from '#drivers/rbd/real.ts';
import { TooLarge } from '../errors.ts';
import { CHUNK_BYTES, pourMetered } from './meter.ts';
import {
  checkDataName,
  isDataName,
  NoSuchData,
  type DataRange,
  type ImageStore,
  type StoreFactory,
} from './port.ts';

const SNAPSHOT = 'snap';
/** Marks what this store wrote, and holds the bytes that came: disks have whole sectors. */
const SIZE_NOTE = 'pileus.bytes';
const SECTOR = 4096;

/** @param cluster resolves when the cluster is there to be used */
export function rbdStoreFactory(cluster: () => Promise<CephCluster>): StoreFactory {
  return async () => createRbdStore(await cluster());
}

export function createRbdStore(cluster: CephCluster): ImageStore {
  const pool = openRbdPool(cluster, 'glance', POOLS.images);
  const wholeSize = async (name: string): Promise<number | undefined> => {
    const note = await pool.findNote(checkDataName(name), SIZE_NOTE);
    if (note === undefined) return undefined;
    const snapshots = await pool.snapshots(name).catch(absentAsNone);
    return snapshots.includes(SNAPSHOT) ? Number(note) : undefined;
  };
  return {
    kind: 'rbd',
    properties: { pool: POOLS.images, fsid: cluster.fsid, user: 'glance' },
    location: (name) =>
      rbdUrl({ fsid: cluster.fsid, pool: POOLS.images, image: checkDataName(name), snapshot: SNAPSHOT }),
    put: async (from, options) => {
      const name = checkDataName(options.name);
      from.on('error', () => undefined); // it may break before and after it is read here
      try {
        let stored: Awaited<ReturnType<ImageStore['put']>> | undefined;
        await pool.write(name, async (pipe) => {
          stored = await pourMetered(from, pipe, options);
        });
        const { size } = stored!; // set when it was written
        await pool.grow(name, Math.max(SECTOR, Math.ceil(size / SECTOR) * SECTOR));
        await pool.setNote(name, SIZE_NOTE, String(size));
        await pool.createSnapshot(name, SNAPSHOT);
        return stored!; // as above
      } catch (error) {
        await remove(pool, name).catch(() => undefined); // the sweep finds what is left
        throw isNoSpace(error)
          ? new TooLarge('There is not enough room for the image in the store.', 'store-full')
          : error;
      }
    },
    get: async (name, range) => {
      const size = await wholeSize(name);
      if (size === undefined) throw new NoSuchData(name);
      if (size === 0) return Readable.from([]);
      if (range) return readRange(pool, name, range);
      return pool.read(name, SNAPSHOT).pipe(firstBytes(size));
    },
    size: wholeSize,
    delete: async (name) => remove(pool, checkDataName(name)),
    isInUse: async (name) => (await pool.find(checkDataName(name)))?.hasClones ?? false,
    list: async () => (await pool.list()).map(({ name }) => name).filter(isDataName),
    free: async () => (await pool.usage()).freeBytes,
  };
}

/** Of data that disks were cloned from the bytes stay, out of sight, until the last of these is gone. */
async function remove(pool: RbdPool, name: string): Promise<void> {
  await pool.removeSnapshot(name, SNAPSHOT);
  await pool.remove(name);
}

function readRange(pool: RbdPool, name: string, { start, end }: DataRange): Readable {
  return Readable.from(
    (async function* () {
      await using access = await pool.open(name, SNAPSHOT, 'ro');
      for (let at = start; at <= end; at += CHUNK_BYTES)
        yield await access.read(at, Math.min(CHUNK_BYTES, end + 1 - at));
    })(),
    { objectMode: false },
  );
}

/** Passes what came and leaves out what fills the last sector. */
function firstBytes(size: number): Transform {
  let left = size;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      done(null, part);
    },
  });
}

function absentAsNone(error: unknown): string[] {
  if (error instanceof RbdError && error.fault === 'absent') return [];
  throw error;
}

function isNoSpace(error: unknown): boolean {
  return error instanceof RbdError && error.fault === 'no-space';
}
