// What is special of the file store, beside the contract of all stores.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { silentLog } from '#platform/log/log.ts';
import { createFileStore } from './file-store.ts';
import type { ImageStore } from './port.ts';
import { openStores } from './stores.ts';

let dir: string;
let store: ImageStore;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pileus-store-'));
  store = await createFileStore(dir);
});
after(async () => rm(dir, { recursive: true, force: true }));

test('is readable by the service alone, and says where the file is', async () => {
  const name = randomUUID();
  await store.put(Readable.from([Buffer.from('x')]), { name, maxBytes: 9, idleMs: 1000 });
  assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600);
  assert.equal(store.location(name), `file://${join(dir, name)}`);
  await store.delete(name);
  assert.deepEqual(await readdir(dir), []);
});

test('does not count what others put beside it', async () => {
  await writeFile(join(dir, 'notes.txt'), 'of an operator');
  assert.deepEqual(await store.list(), []);
});

test('refuses a list of stores that cannot be', async () => {
  const context = { dataDir: dir, log: silentLog };
  const file = { id: 'a', kind: 'file' };
  for (const configs of [
    [],
    [{ id: '../a', kind: 'file' }],
    [file, file],
    [{ id: 'a', kind: 'tape' }],
    [
      { ...file, default: true },
      { id: 'b', kind: 'file', default: true },
    ],
  ])
    await assert.rejects(openStores(configs, context), RangeError, JSON.stringify(configs));
  await using stores = await openStores([file, { id: 'b', kind: 'file', default: true }], context);
  assert.deepEqual([stores.default.id, stores.find('c')], ['b', undefined]);
  assert.throws(() => stores.get('c'), { code: 'no-such-store' });
});
