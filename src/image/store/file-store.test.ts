// The file store on a directory of its own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { createFileStore, type ImageStore } from './file-store.ts';

const LIMITS = { maxBytes: 100, idleMs: 10_000 };
let dir: string;
let store: ImageStore;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pileus-store-'));
  store = await createFileStore(dir);
});
after(async () => rm(dir, { recursive: true, force: true }));

test('writes, tells size and checksums, reads whole and in part, and removes', async () => {
  const name = randomUUID();
  const stored = await store.write(Readable.from([Buffer.from('hello '), Buffer.from('world')]), {
    name,
    ...LIMITS,
  });
  assert.deepEqual([stored.size, stored.md5], [11, '5eb63bbbe01eeed093cb22bb8f5acdc3']);
  assert.match(stored.sha512, /^309ecc489c12d6eb4cc40f50c902f2b4/);
  assert.equal(await text(store.read(name)), 'hello world');
  assert.equal(await text(store.read(name, { start: 6, end: 8 })), 'wor');
  assert.equal((await stat(store.path(name))).mode & 0o777, 0o600);
  assert.equal(store.url(name), `file://${join(dir, name)}`);
  assert.deepEqual(await store.list(), [name]);
  await store.remove(name);
  await store.remove(name);
  assert.deepEqual(await readdir(dir), []);
});

test('keeps nothing of what is too large, breaks, is aborted or falls silent', async () => {
  const silent = () => new Readable({ read() {} });
  const write = (from: Readable, more: object = {}) =>
    store.write(from, { name: randomUUID(), ...LIMITS, ...more });
  await assert.rejects(write(Readable.from([Buffer.alloc(101)])), { kind: 'too-large' });
  const broken = silent();
  broken.push('x');
  const writing = write(broken);
  broken.destroy(new Error('broken'));
  await assert.rejects(writing, /broken/);
  await assert.rejects(write(silent(), { idleMs: 20 }), { code: 'sender-idle' });
  await assert.rejects(write(silent(), { signal: AbortSignal.timeout(20) }));
  assert.deepEqual(await readdir(dir), []);
});

test('leaves a source open that it refuses, so that its sender can be answered', async () => {
  const source = new Readable({ read() {} });
  source.push(Buffer.alloc(101));
  await assert.rejects(store.write(source, { name: randomUUID(), ...LIMITS }));
  assert.equal(source.destroyed, false);
});

test('knows no names but its own', async () => {
  for (const name of ['../etc/passwd', '/etc/passwd', '', '.', `${randomUUID()}/../x`, `${randomUUID()}\n`]) {
    assert.throws(() => store.path(name), RangeError, name);
    assert.throws(() => store.read(name), RangeError, name);
    await assert.rejects(store.remove(name), RangeError, name);
  }
  await writeFile(join(dir, 'notes.txt'), 'of an operator');
  assert.deepEqual(await store.list(), []);
});
