// What every backup store does, over all of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startTestCluster, whyNoCluster } from '#drivers/rbd/testing/cluster.ts';
import { createFileObjects } from './file-objects.ts';
import type { BackupObjects } from './port.ts';
import { createRbdObjects } from './rbd-objects.ts';

const noCluster = await whyNoCluster();
if (noCluster !== undefined) console.error(`SKIPPED: backups in Ceph are not tested (${noCluster})`);

const STORES: ReadonlyArray<{
  readonly name: string;
  readonly skip: string | undefined;
  readonly open: (undo: AsyncDisposableStack) => Promise<BackupObjects>;
}> = [
  {
    name: 'files',
    skip: undefined,
    open: async (undo) => {
      const directory = await mkdtemp(join(tmpdir(), 'po-'));
      undo.defer(async () => rm(directory, { recursive: true, force: true }));
      return createFileObjects(directory);
    },
  },
  {
    name: 'Ceph',
    skip: noCluster,
    open: async (undo) => {
      const { cluster } = undo.use(await startTestCluster());
      return createRbdObjects(async () => cluster);
    },
  },
];

for (const { name, skip, open } of STORES)
  describe(`backup objects in ${name}`, { skip: skip ?? false, timeout: 120_000 }, () => {
    const undo = new AsyncDisposableStack();
    let objects: BackupObjects;
    before(async () => {
      objects = await open(undo);
    });
    after(async () => undo.disposeAsync());

    test('an object is there, whole, once it is committed, and goes with its set', async () => {
      const set = randomUUID();
      {
        await using writer = await objects.create(set, 'data-1');
        await writer.append(Buffer.alloc(5000, 'a'));
        await writer.append(Buffer.from('end'));
        await assert.rejects(objects.open(set, 'data-1'), { fault: 'absent' });
        assert.equal(writer.size, 5003);
        await writer.commit();
      }
      {
        await using reader = await objects.open(set, 'data-1');
        assert.equal(reader.size, 5003);
        assert.equal((await reader.read(4999, 4)).toString(), 'aend');
        await assert.rejects(reader.read(5000, 4), { fault: 'damaged' });
      }
      assert.deepEqual(await objects.listSets(), [set]);
      for (const _ of [1, 2]) await objects.remove(set);
      await assert.rejects(objects.open(set, 'data-1'), { fault: 'absent' });
      assert.deepEqual(await objects.listSets(), []);
    });

    test('a writer that does not commit leaves no object, and may be repeated', async () => {
      const set = randomUUID();
      for (const commit of [false, true, true]) {
        await using writer = await objects.create(set, 'data');
        await writer.append(Buffer.from('x'));
        if (commit) await writer.commit();
      }
      await using reader = await objects.open(set, 'data');
      assert.equal((await reader.read(0, 1)).toString(), 'x');
    });

    test('an object may be empty', async () => {
      const set = randomUUID();
      await using writer = await objects.create(set, 'nothing');
      await writer.commit();
      await using reader = await objects.open(set, 'nothing');
      assert.equal(reader.size, 0);
    });

    test('knows no names but its own', async () => {
      for (const [set, object] of [
        ['../x', 'a'],
        [randomUUID(), '../a'],
        [randomUUID(), '-rf'],
      ] as const) {
        await assert.rejects(objects.create(set, object), { fault: 'absent' });
        await assert.rejects(objects.open(set, object), { fault: 'absent' });
      }
    });
  });
