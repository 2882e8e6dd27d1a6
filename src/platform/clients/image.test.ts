// The image client against a real image service, over HTTP and in the same process: same behaviour, constant memory.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { createImageClient, type ImageClient } from '#platform/clients/image.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { until } from '#test/support/until.ts';

const RAW = { disk_format: 'raw', container_format: 'bare' };
const MIB = 1 << 20;

let images: ImageHarness;
before(async () => void (images = await startImages()));
after(async () => images[Symbol.asyncDispose]());

async function files(): Promise<string[]> {
  return readdir(join(images.dir, 'store'));
}

/** `size` bytes, made as they are read. */
function bytes(size: number): Readable {
  let left = size;
  return new Readable({
    highWaterMark: MIB,
    read() {
      const length = Math.min(left, MIB);
      left -= length;
      this.push(length === 0 ? null : Buffer.alloc(length, left / MIB));
    },
  });
}

for (const kind of ['http', 'inProcess'] as const) {
  describe(`over ${kind}`, () => {
    let client: ImageClient;
    before(() => void (client = createImageClient(images[kind])));

    test('makes, fills, finds, locates, reads, lists and deletes an image', async () => {
      const { id, status } = await client.createImage('member', { name: `all ${kind}`, ...RAW });
      assert.equal(status, 'queued');
      await client.uploadData('member', id, bytes(3 * MIB + 5), { size: 3 * MIB + 5 });
      const found = await client.findImage('member', id);
      assert.equal(found?.status, 'active');
      assert.equal(found?.size, 3 * MIB + 5);
      assert.equal(found?.direct_url, undefined);
      const located = await client.locateImage('service', id, 'service');
      assert.match(located?.direct_url ?? '', /^file:\/\//);
      const [place, ...others] = (await client.getImageLocations('service', id)) ?? [];
      assert.deepEqual([place, others], [{ url: located?.direct_url, store: 'file' }, []]);
      await assert.rejects(client.getImageLocations('member', id), { kind: 'forbidden' });
      assert.equal(await client.getImageLocations('stranger', id, 'service'), undefined);
      const hash = createHash('sha512');
      for await (const chunk of await client.openData('member', id, 'service')) hash.update(chunk as Buffer);
      assert.equal(hash.digest('hex'), found?.os_hash_value);
      const [listed, ...more] = await client.listImages('member', { name: `all ${kind}` });
      assert.deepEqual([listed?.id, more], [id, []]);
      await client.deleteImage('member', id);
      await client.deleteImage('member', id);
      assert.equal(await client.findImage('member', id), undefined);
      assert.deepEqual(await files(), []);
    });

    test('follows the pages of a list', async () => {
      const made = new Set<string>();
      for (let count = 0; count < 5; count++) {
        made.add((await client.createImage('member', { name: `page ${kind}` })).id);
      }
      const listed = await client.listImages('member', { name: `page ${kind}`, limit: '2' });
      assert.deepEqual(new Set(listed.map((image) => image.id)), made);
      assert.equal(listed.length, 5);
    });

    test('says why the peer refuses an upload, and sends no more', async () => {
      const { id } = await client.createImage('member', { disk_format: 'qcow2', container_format: 'bare' });
      await assert.rejects(client.uploadData('member', id, bytes(2 * MIB)), (error: unknown) => {
        assert.ok(error instanceof DomainError);
        assert.equal(error.kind, 'bad-request');
        assert.match(error.message, /qcow2/);
        return true;
      });
      const queued = await client.findImage('member', id);
      assert.deepEqual([queued?.status, queued?.size], ['queued', null]);
      const source = bytes(64 * MIB);
      await assert.rejects(client.uploadData('stranger', id, source), { kind: 'not-found' });
      assert.ok(source.destroyed);
      assert.deepEqual(await files(), []);
    });

    test('leaves the image queued and no file when the source breaks in the middle', async () => {
      const { id } = await client.createImage('member', RAW);
      const source = new Readable({ read() {} });
      source.push(Buffer.alloc(5 * MIB));
      const upload = client.uploadData('member', id, source, { size: 100 * MIB });
      await eventually(async () => (await client.findImage('member', id))?.status === 'saving');
      source.destroy(new Error('the disk broke'));
      await assert.rejects(upload);
      await eventually(async () => (await client.findImage('member', id))?.status === 'queued');
      assert.deepEqual(await files(), []);
      await client.uploadData('member', id, bytes(MIB));
      await client.deleteImage('member', id);
    });

    test('ends an upload by its signal', async () => {
      const { id } = await client.createImage('member', RAW);
      const stop = new AbortController();
      const upload = client.uploadData('member', id, endless(), { signal: stop.signal });
      await eventually(async () => (await client.findImage('member', id))?.status === 'saving');
      stop.abort(new Error('enough'));
      await assert.rejects(upload);
      await eventually(async () => (await client.findImage('member', id))?.status === 'queued');
      assert.deepEqual(await files(), []);
    });

    test('refuses a wrong announcement of the size', async () => {
      const { id } = await client.createImage('member', RAW);
      await assert.rejects(client.uploadData('member', id, bytes(MIB), { size: 2 * MIB }));
      await assert.rejects(client.uploadData('member', id, bytes(2 * MIB), { size: MIB }));
      await eventually(async () => (await files()).length === 0);
      assert.equal((await client.findImage('member', id))?.status, 'queued');
    });

    test('closes the file when a reader stops early', async () => {
      const { id } = await client.createImage('member', RAW);
      await client.uploadData('member', id, bytes(64 * MIB));
      const { name: location } = (await images.service.deps.db.kysely
        .selectFrom('image_locations')
        .select('name')
        .where('image_id', '=', id)
        .executeTakeFirst())!; // uploaded just now
      const stream = await client.openData('member', id, 'service');
      await new Promise((resolve) => stream.once('data', resolve));
      assert.equal(await isOpen(location), true);
      stream.destroy();
      await eventually(async () => !(await isOpen(location)));
      await client.deleteImage('member', id);
    });

    test('moves a quarter of a gigabyte in constant memory', async () => {
      const size = 256 * MIB;
      const { id } = await client.createImage('member', RAW);
      let peak = 0;
      const look = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
      const before = process.memoryUsage().rss;
      await client.uploadData('member', id, bytes(size), { size });
      let received = 0;
      for await (const chunk of await client.openData('member', id, 'service'))
        received += (chunk as Buffer).length;
      clearInterval(look);
      assert.equal(received, size);
      assert.ok(peak - before < 128 * MIB, `grew by ${Math.round((peak - before) / MIB)} MiB`);
      await client.deleteImage('member', id);
    });
  });
}

async function eventually(look: () => Promise<boolean>): Promise<void> {
  await until(look, { deadlineMs: 30_000, everyMs: 10, what: 'the service to notice' });
}

function endless(): Readable {
  return new Readable({
    read() {
      setTimeout(() => this.push(Buffer.alloc(1024)), 1);
    },
  });
}

async function isOpen(name: string): Promise<boolean> {
  for (const fd of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '');
    if (target.includes(name)) return true;
  }
  return false;
}
