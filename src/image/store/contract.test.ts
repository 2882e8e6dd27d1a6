// What every image store must do, as a table of variants. Another kind of store adds its line.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fastify } from 'fastify';
import { createFileStore } from './file-store.ts';
import { startTestCluster, whyNoCluster } from '#drivers/rbd/testing/cluster.ts';
import type { ImageStore } from './port.ts';
import { createRbdStore } from './rbd-store.ts';

interface Variant {
  readonly kind: string;
  /** A URL's start. */
  readonly scheme: string;
  readonly open: (dir: string) => Promise<ImageStore>;
}

const noCluster = await whyNoCluster();
if (noCluster !== undefined) console.error(`SKIPPED: image data in Ceph is not tested (${noCluster})`);
const ceph = noCluster === undefined ? startTestCluster() : undefined;
after(async () => (await ceph)?.[Symbol.asyncDispose]());

const VARIANTS: readonly Variant[] = [
  { kind: 'file', scheme: 'file:///', open: async (dir) => createFileStore(join(dir, 'files')) },
  ...(ceph
    ? [{ kind: 'rbd', scheme: 'rbd://', open: async () => createRbdStore((await ceph).cluster) }]
    : []),
];

const LIMITS = { maxBytes: 100, idleMs: 10_000 };
const silent = (): Readable => new Readable({ read() {} });

for (const { kind, scheme, open } of VARIANTS) {
  describe(`a ${kind} store`, () => {
    let dir: string;
    let store: ImageStore;
    before(async () => {
      dir = await mkdtemp(join(tmpdir(), 'pileus-store-'));
      store = await open(dir);
    });
    after(async () => {
      await store.close?.();
      await rm(dir, { recursive: true, force: true });
    });

    test('puts, tells size and checksums, gets whole and in part, and deletes', async () => {
      const name = randomUUID();
      const source = Readable.from([Buffer.from('hello '), Buffer.from('world')]);
      const stored = await store.put(source, { name, ...LIMITS });
      assert.deepEqual([stored.size, stored.md5], [11, '5eb63bbbe01eeed093cb22bb8f5acdc3']);
      assert.match(stored.sha512, /^309ecc489c12d6eb4cc40f50c902f2b4/);
      assert.equal(await store.size(name), 11);
      assert.equal(await text(await store.get(name)), 'hello world');
      assert.equal(await text(await store.get(name, { start: 6, end: 8 })), 'wor');
      assert.ok(store.location(name).startsWith(scheme) && store.location(name).includes(name));
      assert.deepEqual([await store.list(), await store.isInUse(name)], [[name], false]);
      await store.delete(name);
      await store.delete(name);
      assert.deepEqual([await store.list(), await store.size(name)], [[], undefined]);
      await assert.rejects(store.get(name), { code: 'no-such-data' });
    });

    test('puts data whose size was said before, and none at all', async () => {
      for (const size of [0, 70]) {
        const name = randomUUID();
        const stored = await store.put(Readable.from([Buffer.alloc(size, 1)]), { name, size, ...LIMITS });
        assert.deepEqual([stored.size, await store.size(name)], [size, size]);
        if (size > 0) assert.equal((await text(await store.get(name))).length, size);
        await store.delete(name);
      }
    });

    test('keeps nothing of what is too large, breaks, is aborted or falls silent', async () => {
      const put = (from: Readable, more: object = {}) =>
        store.put(from, { name: randomUUID(), ...LIMITS, ...more });
      await assert.rejects(put(Readable.from([Buffer.alloc(101)])), { kind: 'too-large' });
      const broken = silent();
      broken.push('x');
      const putting = put(broken);
      broken.destroy(new Error('broken'));
      await assert.rejects(putting, /broken/);
      await assert.rejects(put(silent(), { idleMs: 20 }), { code: 'sender-idle' });
      await assert.rejects(put(silent(), { signal: AbortSignal.timeout(20) }));
      assert.deepEqual(await store.list(), []);
    });

    test('refuses a request that ended before it was read', { timeout: 60_000 }, async () => {
      const app = fastify();
      app.addContentTypeParser('application/octet-stream', (_request, _payload, done) => done(null));
      const putting = Promise.withResolvers<unknown>();
      app.put('/', async ({ raw }) => {
        sender.abort();
        if (!raw.destroyed) await once(raw, 'close');
        putting.resolve(store.put(raw, { name: randomUUID(), ...LIMITS }));
      });
      const sender = new AbortController();
      const headers = { 'content-type': 'application/octet-stream' };
      const { signal } = sender;
      const sent = app.inject({ method: 'PUT', url: '/', headers, payload: silent(), signal });
      await assert.rejects(putting.promise, /the sender went/);
      await Promise.allSettled([sent]);
      assert.deepEqual(await store.list(), []);
    });

    test('leaves a source open that it refuses, so that its sender can be answered', async () => {
      const source = silent();
      source.push(Buffer.alloc(101));
      await assert.rejects(store.put(source, { name: randomUUID(), ...LIMITS }));
      assert.equal(source.destroyed, false);
    });

    test('knows no names but its own', async () => {
      for (const name of [
        '../etc/passwd',
        '/etc/passwd',
        '',
        '.',
        `${randomUUID()}/../x`,
        `${randomUUID()}\n`,
      ]) {
        assert.throws(() => store.location(name), RangeError, name);
        await assert.rejects(store.get(name), RangeError, name);
        await assert.rejects(store.delete(name), RangeError, name);
        await assert.rejects(store.put(silent(), { name, ...LIMITS }), RangeError, name);
      }
    });
  });
}
