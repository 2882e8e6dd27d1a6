// Backups out of and into the model of a backend and the embedded one, with the file store: every byte, full and incremental,
// and what is damaged.
import { startTestDaemon, whyNoStorageDaemon } from '#drivers/storage-daemon/testing/test-daemon.ts';
import { createFileVolumeDriver } from '#drivers/volume-file/driver.ts';
import { createMemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import { bytesOf, type VolumeDriver } from '#drivers/volume/port.ts';
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { copyIn } from './copy-in.ts';
import { copyOut } from './copy-out.ts';
import { BLOCK_BYTES, isZero } from './index-format.ts';
import { createFileObjects } from './objects/file-objects.ts';
import { BackupStoreError, type BackupObjects } from './objects/port.ts';

const MIB = 2 ** 20;
const signal = new AbortController().signal;
const describedVolume = { name: 'v', bootable: true, metadata: { a: 'b' }, image_metadata: {} };

interface BackendKind {
  readonly name: string;
  readonly skip: string | undefined;
  readonly start: (directory: string, undo: AsyncDisposableStack) => Promise<VolumeDriver>;
}

const BACKENDS: readonly BackendKind[] = [
  {
    name: 'the model',
    skip: undefined,
    start: async (directory, undo) => undo.use(await createMemoryVolumeDriver({ directory, totalGb: 100 })),
  },
  {
    name: 'files and the storage daemon',
    skip: whyNoStorageDaemon(),
    start: async (directory, undo) => {
      await mkdir(directory, { recursive: true });
      const { daemon } = undo.use(await startTestDaemon(directory));
      return undo.use(await createFileVolumeDriver({ directory, daemon }));
    },
  },
];

for (const { name, skip, start } of BACKENDS)
  describe(`backup data of ${name}`, { skip: skip ?? false }, () => {
    const undo = new AsyncDisposableStack();
    let directory: string;
    let driver: VolumeDriver;
    let objects: BackupObjects;

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'pb-'));
      undo.defer(async () => rm(directory, { recursive: true, force: true }));
      driver = await start(join(directory, 'backend'), undo);
      objects = createFileObjects(join(directory, 'backups'));
    });
    after(async () => undo.disposeAsync());

    async function newVolume(parts: ReadonlyArray<readonly [offset: number, data: Buffer]>): Promise<string> {
      const id = randomUUID();
      await driver.createVolume(id, 1, { kind: 'blank' });
      await write(id, parts);
      return id;
    }

    async function write(
      id: string,
      parts: ReadonlyArray<readonly [offset: number, data: Buffer]>,
    ): Promise<void> {
      await using access = await driver.open({ volumeId: id }, 'rw');
      for (const [offset, data] of parts) await access.write(offset, data);
      await access.flush();
    }

    async function zero(id: string, offset: number, length: number): Promise<void> {
      await using access = await driver.open({ volumeId: id }, 'rw');
      await access.zero(offset, length);
      await access.flush();
    }

    async function backUp(volumeId: string, parent: string | null) {
      const set = randomUUID();
      await using access = await driver.open({ volumeId }, 'ro');
      return {
        set,
        manifest: await copyOut(access, { objects, set, parent, volume: describedVolume, signal }),
      };
    }

    async function restore(set: string, into: string, blank: boolean) {
      await using access = await driver.open({ volumeId: into }, 'rw');
      return await copyIn(access, { objects, set, blank, signal });
    }

    async function hashOf(volumeId: string): Promise<string> {
      await using access = await driver.open({ volumeId }, 'ro');
      const hash = createHash('sha256');
      for await (const { offset, length, data } of access.extents()) {
        if (!data) continue;
        for (let at = offset; at < offset + length; at += MIB) {
          const bytes = await access.read(at, Math.min(MIB, offset + length - at));
          for (let block = 0; block < bytes.length; block += 4096) {
            const part = bytes.subarray(block, block + 4096);
            if (!isZero(part)) hash.update(`${at + block}`).update(part);
          }
        }
      }
      return hash.digest('hex');
    }

    test('brings every byte back, and stores no zeros', async () => {
      const volume = await newVolume([
        [0, randomBytes(3 * MIB)],
        [100 * MIB + 12_345, randomBytes(70_001)],
        [300 * MIB, Buffer.alloc(2 * MIB)],
        [bytesOf(1) - 4096, randomBytes(4096)],
      ]);
      const { set, manifest } = await backUp(volume, null);
      assert.equal(manifest.bytes_stored, 5 * BLOCK_BYTES);
      assert.equal(manifest.object_count, 1);
      const blank = await newVolume([]);
      const { bytesWritten } = await restore(set, blank, true);
      assert.equal(bytesWritten, 5 * BLOCK_BYTES);
      assert.equal(await hashOf(blank), await hashOf(volume));
      const other = await newVolume([[50 * MIB, randomBytes(9 * MIB)]]);
      assert.deepEqual((await restore(set, other, false)).manifest.volume, describedVolume);
      assert.equal(await hashOf(other), await hashOf(volume));
    });

    test('an incremental one stores what changed, and restores along its chain', async () => {
      const volume = await newVolume([[0, randomBytes(80 * MIB)]]);
      const full = await backUp(volume, null);
      assert.equal(full.manifest.object_count, 2);
      await write(volume, [
        [5 * MIB + 17, randomBytes(1)],
        [200 * MIB, randomBytes(MIB)],
      ]);
      await zero(volume, 10 * MIB, 4 * MIB);
      const second = await backUp(volume, full.set);
      assert.equal(second.manifest.bytes_stored, 2 * BLOCK_BYTES);
      const then = await hashOf(volume);
      await write(volume, [[10 * MIB, randomBytes(2 * MIB)]]);
      const third = await backUp(volume, second.set);
      assert.equal(third.manifest.bytes_stored, 2 * BLOCK_BYTES);
      const target = await newVolume([[500 * MIB, randomBytes(MIB)]]);
      await restore(third.set, target, false);
      assert.equal(await hashOf(target), await hashOf(volume));
      await restore(second.set, target, false);
      assert.equal(await hashOf(target), then);
    });

    test('zeros what a larger volume holds beyond the backup', async () => {
      const volume = await newVolume([[0, randomBytes(MIB)]]);
      const { set } = await backUp(volume, null);
      const larger = randomUUID();
      await driver.createVolume(larger, 2, { kind: 'blank' });
      await write(larger, [[bytesOf(1) + MIB, randomBytes(MIB)]]);
      await restore(set, larger, false);
      await using access = await driver.open({ volumeId: larger }, 'ro');
      assert.ok((await access.read(bytesOf(1) + MIB, MIB)).every((byte) => byte === 0));
    });

    test('refuses damaged data, a damaged index, and what is not whole', async () => {
      const volume = await newVolume([[0, randomBytes(2 * MIB)]]);
      const target = await newVolume([]);
      const refuses = async (set: string, fault: string): Promise<void> =>
        assert.rejects(restore(set, target, true), (error: unknown) => {
          assert.ok(error instanceof BackupStoreError);
          assert.equal(error.fault, fault);
          return true;
        });
      for (const [name, offset] of [
        ['object-00000001', MIB + 5],
        ['index', 32],
      ] as const) {
        const { set } = await backUp(volume, null);
        await using file = await open(join(directory, 'backups', set, name), 'r+');
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
        await file.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, offset); // of one byte
        await refuses(set, 'damaged');
      }
      const { set } = await backUp(volume, null);
      await rm(join(directory, 'backups', set, 'manifest.json'));
      await refuses(set, 'absent');
      const gone = await backUp(volume, (await backUp(volume, null)).set);
      await objects.remove(gone.manifest.parent!); // of an incremental one
      await refuses(gone.set, 'absent');
      await assert.rejects(objects.open('../../etc', 'passwd'), /no such backup/);
      await assert.rejects(objects.open(set, '../index'), /no such object/);
    });

    test('an interrupted copy leaves nothing that passes for a backup, and a repeated one starts over', async () => {
      const volume = await newVolume([[0, randomBytes(70 * MIB)]]);
      const set = randomUUID();
      const stop = new AbortController();
      await using access = await driver.open({ volumeId: volume }, 'ro');
      const stopping = {
        ...objects,
        create: async (inSet: string, name: string) => {
          if (name === 'object-00000002') stop.abort(new Error('the process died'));
          return objects.create(inSet, name);
        },
      };
      await assert.rejects(
        copyOut(access, {
          objects: stopping,
          set,
          parent: null,
          volume: describedVolume,
          signal: stop.signal,
        }),
        /the process died/,
      );
      assert.deepEqual(await readdir(join(directory, 'backups', set)), ['object-00000001']);
      await copyOut(access, { objects, set, parent: null, volume: describedVolume, signal });
      const target = await newVolume([]);
      await restore(set, target, true);
      assert.equal(await hashOf(target), await hashOf(volume));
      await objects.remove(set);
      assert.equal((await objects.listSets()).includes(set), false);
    });
  });
