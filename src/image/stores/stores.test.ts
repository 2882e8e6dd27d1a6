// Several stores: where an upload goes, data that is in use, stores that are taken out, and staging that a crash cut.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFileStore } from '../store/file-store.ts';
import { DataInUse, type StoreFactory } from '../store/port.ts';
import { sweep } from '../loops/sweep.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';

const FILE = { id: 'file', kind: 'file', default: true };
const COLD = { id: 'cold', kind: 'file' };

async function make(images: ImageHarness): Promise<string> {
  const body = { disk_format: 'raw', container_format: 'bare' };
  return (await images.call('POST', '/v2/images', { body })).body.id;
}

test('puts an upload into the store that it names', async () => {
  await using images = await startImages({ stores: [FILE, COLD] });
  const upload = async (id: string, store: string) =>
    images.call('PUT', `/v2/images/${id}/file`, { raw: 'data', headers: { 'x-image-meta-store': store } });
  const id = await make(images);
  assert.equal((await upload(id, 'nowhere')).status, 400);
  assert.equal((await upload(id, 'cold')).status, 204);
  assert.equal((await images.call('GET', `/v2/images/${id}`)).body.stores, 'cold');
  assert.equal(String((await images.call('GET', `/v2/images/${id}/file`)).body), 'data');
  assert.equal((await readdir(join(images.dir, 'stores', 'cold'))).length, 1);
  assert.equal((await images.call('DELETE', `/v2/images/${id}`)).status, 204);
  assert.deepEqual(await readdir(join(images.dir, 'stores', 'cold')), []);
});

test('keeps an image that disks were cloned from, and data that is cloned from at the last moment', async () => {
  let used = true;
  const cloned: StoreFactory = async (config, context) => {
    const store = await openFileStore(config, context);
    return {
      ...store,
      isInUse: async () => used,
      delete: async (name) => {
        if (late) throw new DataInUse(name);
        await store.delete(name);
      },
    };
  };
  let late = false;
  await using images = await startImages(
    { stores: [{ id: 'clones', kind: 'clones' }] },
    { storeFactories: { clones: cloned } },
  );
  const { deps } = images.service;
  const data = async () => deps.stores.default.store.list();
  const id = await make(images);
  await images.call('PUT', `/v2/images/${id}/file`, { raw: 'base' });
  const refused = await images.call('DELETE', `/v2/images/${id}`);
  assert.equal(refused.status, 409);
  assert.match(refused.body.message, /in use/);
  assert.equal((await images.call('GET', `/v2/images/${id}`)).body.status, 'active');
  used = false;
  late = true; // cloned between the question and the removal: the record goes, the data waits for its clones
  assert.equal((await images.call('DELETE', `/v2/images/${id}`)).status, 204);
  await sweep(deps);
  assert.equal((await data()).length, 1);
  late = false;
  await sweep(deps);
  assert.deepEqual(await data(), []);
});

test('says that data cannot be reached when its store is taken out, and has it again when it is back', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pileus-stores-'));
  try {
    let id = '';
    {
      await using both = await startImages({ stores: [FILE, COLD] }, { dir });
      id = await make(both);
      const headers = { 'x-image-meta-store': 'cold' };
      await both.call('PUT', `/v2/images/${id}/file`, { raw: 'data', headers });
    }
    {
      await using one = await startImages({ stores: [FILE] }, { dir });
      assert.equal((await one.call('GET', `/v2/images/${id}`)).body.stores, undefined);
      assert.equal((await one.call('GET', `/v2/images/${id}/file`)).status, 503);
    }
    await using again = await startImages({ stores: [FILE, COLD] }, { dir });
    assert.equal(String((await again.call('GET', `/v2/images/${id}/file`)).body), 'data');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('makes an image queued again whose staging a crash cut, and keeps what is staged whole', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pileus-staging-'));
  try {
    let cut = '';
    let whole = '';
    {
      await using first = await startImages({}, { dir });
      whole = await make(first);
      await first.call('PUT', `/v2/images/${whole}/stage`, { raw: 'whole' });
      cut = await make(first);
      const upload_id = randomUUID();
      const upload_lease = new Date(Date.now() + 60_000).toISOString();
      await first.service.deps.db.kysely
        .updateTable('images')
        .set({ status: 'uploading', upload_id, upload_lease })
        .where('id', '=', cut)
        .execute();
      await writeFile(join(dir, 'staging', `${upload_id}.part`), 'half');
    }
    await using second = await startImages({}, { dir });
    assert.equal((await second.call('GET', `/v2/images/${cut}`)).body.status, 'queued');
    assert.equal((await second.call('GET', `/v2/images/${whole}`)).body.status, 'uploading');
    assert.equal((await readdir(join(dir, 'staging'))).length, 1);
    const body = { method: { name: 'glance-direct' } };
    assert.equal((await second.call('POST', `/v2/images/${whole}/import`, { body })).status, 202);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
