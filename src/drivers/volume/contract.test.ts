// What every VolumeDriver does, real or model: the same cases over all of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createMemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import { createRbdVolumeDriver } from '#drivers/volume-rbd/driver.ts';
import { startTestCluster, whyNoCluster } from '#drivers/rbd/testing/cluster.ts';
import { startTestDaemon, whyNoStorageDaemon } from '#drivers/storage-daemon/testing/test-daemon.ts';
import { createFileVolumeDriver } from '#drivers/volume-file/driver.ts';
import { VolumeBackendError, type VolumeBackendFault } from './errors.ts';
import { bytesOf, type Connector, type Extent, type VolumeDriver } from './port.ts';

interface Backend extends AsyncDisposable {
  readonly driver: VolumeDriver;
  /** The service dies without a goodbye and starts again on the same backend. */
  restart(): Promise<void>;
}

async function memoryBackend(): Promise<Backend> {
  const directory = await mkdtemp(join(tmpdir(), 'pvm-'));
  const start = () => createMemoryVolumeDriver({ directory, totalGb: 100 });
  let driver = await start();
  // Kept, so that their files are not closed by chance in the middle of a test.
  const abandoned: AsyncDisposable[] = [];
  return {
    get driver() {
      return driver;
    },
    restart: async () => {
      abandoned.push(driver);
      driver = await start();
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of [...abandoned, driver]) await each[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

async function rbdBackend(): Promise<Backend> {
  const ceph = await startTestCluster();
  const { cluster } = ceph;
  let driver = createRbdVolumeDriver({ cluster });
  return {
    get driver() {
      return driver;
    },
    restart: async () => {
      driver = createRbdVolumeDriver({ cluster });
    },
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      await ceph[Symbol.asyncDispose]();
    },
  };
}

async function fileBackend(): Promise<Backend> {
  const directory = await mkdtemp(join(tmpdir(), 'pvf-'));
  const daemon = await startTestDaemon(directory);
  const start = () => createFileVolumeDriver({ directory, daemon: daemon.daemon });
  let driver = await start();
  return {
    get driver() {
      return driver;
    },
    restart: async () => {
      // Dead services do not go on merging.
      await driver.settled();
      driver = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      await daemon[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

interface BackendKind {
  readonly name: string;
  readonly skip: string | undefined;
  /** Bytes of the smallest part of which it knows whether it holds data. */
  readonly granule: number;
  readonly start: () => Promise<Backend>;
}

const backends: readonly BackendKind[] = [
  { name: 'memory', skip: undefined, granule: 2 ** 16, start: memoryBackend },
  { name: 'file', skip: whyNoStorageDaemon(), granule: 2 ** 16, start: fileBackend },
  { name: 'rbd', skip: await whyNoCluster(), granule: 4 * 2 ** 20, start: rbdBackend },
];
for (const { name, skip } of backends)
  if (skip !== undefined) console.error(`SKIPPED: the volume backend ${name} is not tested (${skip})`);

const MIB = 2 ** 20;
const CONNECTOR: Connector = { host: 'h1', ip: '127.0.0.1' };

const refusal = (fault: VolumeBackendFault) => (error: unknown) => {
  assert.ok(error instanceof VolumeBackendError, `not a VolumeBackendError: ${String(error)}`);
  assert.equal(error.fault, fault, error.message);
  return true;
};

async function write(driver: VolumeDriver, volumeId: string, offset: number, text: string): Promise<void> {
  await using access = await driver.open({ volumeId }, 'rw');
  await access.write(offset, Buffer.from(text));
  await access.flush();
}

async function read(
  driver: VolumeDriver,
  what: { volumeId: string; snapshotId?: string },
  offset: number,
  length: number,
): Promise<string> {
  await using access = await driver.open(what, 'ro');
  return (await access.read(offset, length)).toString('latin1').replaceAll('\0', '.');
}

async function extents(driver: VolumeDriver, volumeId: string): Promise<Extent[]> {
  await using access = await driver.open({ volumeId }, 'ro');
  const all = await Array.fromAsync(access.extents());
  return all;
}

for (const { name, skip, granule, start } of backends) {
  describe(
    `VolumeDriver contract: ${name}`,
    { ...(skip === undefined ? {} : { skip }), timeout: 180_000 },
    () => {
      let backend: Backend;
      const blank = async (sizeGb = 1): Promise<string> => {
        const id = randomUUID();
        await backend.driver.createVolume(id, sizeGb, { kind: 'blank' });
        return id;
      };
      const stored = async (id: string) =>
        (await backend.driver.list()).find(({ volumeId }) => volumeId === id);

      before(async () => {
        backend = await start();
      });
      after(() => backend?.[Symbol.asyncDispose]());

      test('a blank volume is zeros without space, and keeps what is written', async () => {
        const { driver } = backend;
        const volumeId = await blank(2);
        assert.deepEqual(await extents(driver, volumeId), [{ offset: 0, length: bytesOf(2), data: false }]);
        await write(driver, volumeId, 100 * MIB - 2, 'over a border');
        await write(driver, volumeId, bytesOf(2) - 3, 'end');
        assert.equal(await read(driver, { volumeId }, 100 * MIB - 4, 16), '..over a border.');
        assert.equal(await read(driver, { volumeId }, bytesOf(2) - 5, 5), '..end');
        const after = await extents(driver, volumeId);
        assert.equal(
          after.reduce((sum, { length }) => sum + length, 0),
          bytesOf(2),
        );
        const held = after.reduce((sum, { length, data }) => sum + (data ? length : 0), 0);
        assert.ok(held > 0 && held <= 3 * granule, `${held} bytes held`);
        assert.equal((await stored(volumeId))?.sizeGb, 2);
      });

      test('zeroed ranges read as zeros, and nothing else does', async () => {
        const { driver } = backend;
        const volumeId = await blank();
        const unit = Math.max(MIB, granule);
        await write(driver, volumeId, 0, 'x'.repeat(3 * unit));
        {
          await using access = await driver.open({ volumeId }, 'rw');
          await access.zero(unit - 5, unit + 10);
        }
        assert.equal(await read(driver, { volumeId }, unit - 7, 4), 'xx..');
        assert.equal(await read(driver, { volumeId }, 2 * unit + 3, 4), '..xx');
        assert.ok((await extents(driver, volumeId)).some(({ offset, data }) => !data && offset < 2 * unit));
      });

      test('refuses what lies outside the volume, writes to what is open for reading, and hostile ids', async () => {
        const { driver } = backend;
        const volumeId = await blank();
        await using access = await driver.open({ volumeId }, 'ro');
        await assert.rejects(access.read(bytesOf(1) - 1, 2), refusal('failed'));
        await assert.rejects(access.read(-1, 2), refusal('failed'));
        await assert.rejects(access.write(0, Buffer.from('x')), refusal('failed'));
        for (const id of ['../x', 'a/b', '', '.', 'x'.repeat(300), 'a\0b', '-rf'])
          await assert.rejects(driver.createVolume(id, 1, { kind: 'blank' }), refusal('failed'));
      });

      test('a snapshot stays as it was while the volume goes on', async () => {
        const { driver } = backend;
        const volumeId = await blank();
        await write(driver, volumeId, 0, 'before');
        const [s1, s2] = [randomUUID(), randomUUID()];
        await driver.createSnapshot(volumeId, s1);
        await write(driver, volumeId, 0, 'after!');
        await driver.createSnapshot(volumeId, s2);
        await write(driver, volumeId, 0, 'latest');
        assert.equal(await read(driver, { volumeId, snapshotId: s1 }, 0, 6), 'before');
        assert.equal(await read(driver, { volumeId, snapshotId: s2 }, 0, 6), 'after!');
        assert.deepEqual((await stored(volumeId))?.snapshotIds.toSorted(), [s1, s2].toSorted());
        await assert.rejects(driver.deleteVolume(volumeId), refusal('busy'));
        await driver.deleteSnapshot(volumeId, s1);
        assert.equal(await read(driver, { volumeId, snapshotId: s2 }, 0, 6), 'after!');
        assert.equal(await read(driver, { volumeId }, 0, 6), 'latest');
        await driver.deleteSnapshot(volumeId, s2);
        assert.equal(await read(driver, { volumeId }, 0, 6), 'latest');
        await driver.deleteVolume(volumeId);
        assert.equal(await stored(volumeId), undefined);
      });

      test('snapshots of several volumes are taken together, all or none, and anew when asked again', async () => {
        const { driver } = backend;
        assert.equal((await driver.stats()).consistentGroups ?? false, driver.createSnapshots !== undefined);
        if (!driver.createSnapshots) return;
        const volumes = [await blank(), await blank()];
        const members = volumes.map((volumeId) => ({ volumeId, snapshotId: randomUUID() }));
        for (const volumeId of volumes) await write(driver, volumeId, 0, 'before');
        await assert.rejects(
          driver.createSnapshots([...members, { volumeId: randomUUID(), snapshotId: randomUUID() }]),
          refusal('absent'),
        );
        for (const volumeId of volumes) assert.deepEqual((await stored(volumeId))?.snapshotIds, []);
        await driver.createSnapshots(members.slice(0, 1)); // as a try that was cut off
        await driver.createSnapshots(members);
        for (const volumeId of volumes) await write(driver, volumeId, 0, 'after!');
        for (const member of members) assert.equal(await read(driver, member, 0, 6), 'before');
        await driver.createSnapshots(members);
        for (const { volumeId, snapshotId } of members) {
          assert.equal(await read(driver, { volumeId, snapshotId }, 0, 6), 'after!');
          assert.deepEqual((await stored(volumeId))?.snapshotIds, [snapshotId]);
          await driver.deleteSnapshot(volumeId, snapshotId);
          await driver.deleteVolume(volumeId);
        }
      });

      test('clones are independent, larger where wanted, and outlive snapshot and source', async () => {
        const { driver } = backend;
        const volumeId = await blank();
        await write(driver, volumeId, 5 * MIB, 'shared');
        const [snapshotId, fromSnapshot, fromVolume, second] = [1, 2, 3, 4].map(() => randomUUID()) as [
          string,
          string,
          string,
          string,
        ];
        await driver.createSnapshot(volumeId, snapshotId);
        await write(driver, volumeId, 5 * MIB, 'source');
        const made = await driver.createVolume(fromSnapshot, 2, { kind: 'snapshot', volumeId, snapshotId });
        assert.equal(made.bytesCopied, 0);
        await driver.createVolume(fromVolume, 1, { kind: 'volume', volumeId });
        await write(driver, fromSnapshot, 5 * MIB, 'cloned');
        await driver.createVolume(second, 2, { kind: 'volume', volumeId: fromSnapshot });
        assert.equal(await read(driver, { volumeId, snapshotId }, 5 * MIB, 6), 'shared');
        assert.equal(await read(driver, { volumeId }, 5 * MIB, 6), 'source');
        assert.equal(await read(driver, { volumeId: fromVolume }, 5 * MIB, 6), 'source');
        assert.equal(await read(driver, { volumeId: fromSnapshot }, bytesOf(2) - 4, 4), '....');
        await driver.deleteSnapshot(volumeId, snapshotId);
        await driver.deleteVolume(volumeId);
        await write(driver, fromVolume, 5 * MIB + 6, '+');
        assert.equal(await read(driver, { volumeId: fromVolume }, 5 * MIB, 7), 'source+');
        await driver.deleteVolume(fromSnapshot);
        assert.equal(await read(driver, { volumeId: second }, 5 * MIB, 7), 'cloned.');
        assert.equal((await stored(second))?.sizeGb, 2);
        for (const id of [second, fromVolume]) await driver.deleteVolume(id);
      });

      test('a volume grows, its snapshots do not, and revert brings content back in the size that is wanted', async () => {
        const { driver } = backend;
        const volumeId = await blank();
        await write(driver, volumeId, 0, 'kept');
        const [older, newest] = [randomUUID(), randomUUID()];
        await driver.createSnapshot(volumeId, older);
        await driver.createSnapshot(volumeId, newest);
        for (const _ of [1, 2]) await driver.extendVolume(volumeId, 3);
        await write(driver, volumeId, 0, 'lost');
        await write(driver, volumeId, bytesOf(3) - 4, 'tail');
        {
          await using access = await driver.open({ volumeId, snapshotId: newest }, 'ro');
          assert.equal(access.size, bytesOf(1));
        }
        await assert.rejects(driver.revertToSnapshot(volumeId, older, 3), refusal('unsupported'));
        await driver.connect(volumeId, { attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' });
        await assert.rejects(driver.revertToSnapshot(volumeId, newest, 3), refusal('busy'));
        await driver.disconnect(volumeId, 'a1');
        for (const _ of [1, 2]) await driver.revertToSnapshot(volumeId, newest, 3);
        assert.equal(await read(driver, { volumeId }, 0, 4), 'kept');
        assert.equal(await read(driver, { volumeId }, bytesOf(3) - 4, 4), '....');
        assert.deepEqual((await stored(volumeId))?.snapshotIds.toSorted(), [older, newest].toSorted());
      });

      test('connects the same way when asked again, and holds on to what is connected', async () => {
        const { driver } = backend;
        const volumeId = await blank();
        await write(driver, volumeId, 0, 'connected');
        const options = { attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' } as const;
        const info = await driver.connect(volumeId, options);
        assert.deepEqual(await driver.connect(volumeId, options), info);
        assert.deepEqual([info.data.access_mode, info.data.size], ['rw', bytesOf(1)]);
        await assert.rejects(driver.deleteVolume(volumeId), refusal('busy'));
        await assert.rejects(driver.open({ volumeId }, 'rw'), refusal('busy'));
        assert.equal(await read(driver, { volumeId }, 0, 9), 'connected');
        const snapshotId = randomUUID();
        await driver.createSnapshot(volumeId, snapshotId);
        const clone = randomUUID();
        await driver.createVolume(clone, 1, { kind: 'volume', volumeId });
        await driver.extendVolume(volumeId, 2);
        assert.equal((await driver.connect(volumeId, options)).data.size, bytesOf(2));
        assert.equal(await read(driver, { volumeId: clone }, 0, 9), 'connected');
        await driver.deleteSnapshot(volumeId, snapshotId);
        for (const _ of [1, 2]) await driver.disconnect(volumeId, 'a1');
        await driver.disconnect(randomUUID(), 'a1');
        await write(driver, volumeId, 0, 'detached ');
        for (const id of [clone, volumeId]) await driver.deleteVolume(id);
      });

      test('is connected while it or its snapshot is read', async () => {
        const { driver } = backend;
        const [volumeId, snapshotId] = [await blank(), randomUUID()];
        await write(driver, volumeId, 0, 'read');
        await driver.createSnapshot(volumeId, snapshotId);
        const options = { attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' } as const;
        for (const what of [{ volumeId, snapshotId }, { volumeId }]) {
          await using access = await driver.open(what, 'ro');
          await driver.connect(volumeId, options);
          assert.equal(String(await access.read(0, 4)), 'read');
          await driver.disconnect(volumeId, 'a1');
          assert.equal(String(await access.read(0, 4)), 'read');
        }
      });

      test('several attachments share a volume until the last goes', async () => {
        const { driver } = backend;
        const volumeId = await blank();
        await driver.connect(volumeId, { attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' });
        await driver.connect(volumeId, { attachmentId: 'a2', connector: CONNECTOR, mode: 'ro' });
        await driver.disconnect(volumeId, 'a1');
        await assert.rejects(driver.deleteVolume(volumeId), refusal('busy'));
        await driver.disconnect(volumeId, 'a2');
        await driver.deleteVolume(volumeId);
      });

      test('every operation may be repeated, before and after a crash of the service', async () => {
        const [volumeId, snapshotId, clone] = [randomUUID(), randomUUID(), randomUUID()];
        const connection = { attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' } as const;
        const info: unknown[] = [];
        for (const round of [1, 2]) {
          if (round === 2) await backend.restart();
          const { driver } = backend;
          await driver.createVolume(volumeId, 1, { kind: 'blank' });
          if (round === 1) await write(driver, volumeId, 7, 'safe');
          await driver.createSnapshot(volumeId, snapshotId);
          await driver.createVolume(clone, 1, { kind: 'snapshot', volumeId, snapshotId });
          await driver.restoreConnections([{ volumeId, ...connection }]);
          info.push(await driver.connect(volumeId, connection));
          assert.equal(await read(driver, { volumeId }, 7, 4), 'safe');
          assert.equal(await read(driver, { volumeId: clone }, 7, 4), 'safe');
        }
        assert.deepEqual(info[0], info[1]);
        await backend.driver.restoreConnections([]);
        for (const round of [1, 2]) {
          if (round === 2) await backend.restart();
          const { driver } = backend;
          await driver.deleteVolume(clone);
          await driver.deleteSnapshot(volumeId, snapshotId);
          await driver.deleteVolume(volumeId);
          assert.deepEqual([await stored(volumeId), await stored(clone)], [undefined, undefined]);
        }
      });

      test('gives volumes and snapshots other ids, also when it is asked again', async () => {
        const { driver } = backend;
        const [volumeId, to, first, second] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
        await driver.createVolume(volumeId, 1, { kind: 'blank' });
        await write(driver, volumeId, 0, 'one');
        await driver.createSnapshot(volumeId, first);
        await write(driver, volumeId, 0, 'two');
        for (let round = 1; round <= 2; round++) {
          await driver.renameSnapshot(volumeId, first, second);
        }
        await driver.connect(volumeId, { attachmentId: 'a', connector: CONNECTOR, mode: 'rw' });
        await assert.rejects(driver.renameVolume(volumeId, to), refusal('busy'));
        await driver.disconnect(volumeId, 'a');
        for (let round = 1; round <= 2; round++) await driver.renameVolume(volumeId, to);
        await backend.restart();
        assert.equal(await stored(volumeId), undefined);
        assert.deepEqual((await stored(to))?.snapshotIds, [second]);
        assert.equal(await read(backend.driver, { volumeId: to }, 0, 3), 'two');
        assert.equal(await read(backend.driver, { volumeId: to, snapshotId: second }, 0, 3), 'one');
        const other = randomUUID();
        await backend.driver.createVolume(other, 1, { kind: 'blank' });
        await assert.rejects(backend.driver.renameVolume(other, to), refusal('failed'));
        await assert.rejects(backend.driver.renameVolume(volumeId, randomUUID()), refusal('absent'));
        await assert.rejects(backend.driver.renameSnapshot(to, first, randomUUID()), refusal('absent'));
        await backend.driver.deleteSnapshot(to, second);
        await backend.driver.deleteVolume(to);
        await backend.driver.deleteVolume(other);
      });

      test('says what is absent', async () => {
        const { driver } = backend;
        const volumeId = randomUUID();
        const snapshotId = randomUUID();
        await assert.rejects(driver.extendVolume(volumeId, 2), refusal('absent'));
        await assert.rejects(driver.createSnapshot(volumeId, snapshotId), refusal('absent'));
        await assert.rejects(driver.open({ volumeId }, 'ro'), refusal('absent'));
        await assert.rejects(
          driver.connect(volumeId, { attachmentId: 'a', connector: CONNECTOR, mode: 'rw' }),
          refusal('absent'),
        );
        await assert.rejects(
          driver.createVolume(randomUUID(), 1, { kind: 'snapshot', volumeId, snapshotId }),
          refusal('absent'),
        );
        await driver.deleteSnapshot(volumeId, snapshotId);
        await driver.deleteVolume(volumeId);
      });

      test('says how large it is and what is promised', async () => {
        const { driver } = backend;
        const before = await driver.stats();
        await blank(5);
        const after = await driver.stats();
        assert.ok(after.totalGb > 0 && after.freeGb <= after.totalGb);
        assert.equal(after.provisionedGb, before.provisionedGb + 5);
        assert.equal(after.thinProvisioning, true);
      });
    },
  );
}
