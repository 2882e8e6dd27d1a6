// Sending data: what is refused leaves nothing, what a crash leaves is swept, and lies do not help.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { until } from '#test/support/until.ts';
import { sweep } from '../loops/sweep.ts';
import { parseContentRange, parseRange } from './range.ts';

let images: ImageHarness;
before(async () => void (images = await startImages({ maxImageBytes: 1000, uploadIdleMs: 200 })));
after(async () => images[Symbol.asyncDispose]());

async function make(disk_format = 'raw'): Promise<string> {
  const { body } = await images.call('POST', '/v2/images', {
    body: { disk_format, container_format: 'bare' },
  });
  return body.id;
}

async function files(dir = images.dir): Promise<string[]> {
  return readdir(join(dir, 'store'));
}

async function statusOf(id: string): Promise<string> {
  return (await images.call('GET', `/v2/images/${id}`)).body.status;
}

async function becomes(id: string, status: string): Promise<void> {
  await until(async () => (await statusOf(id)) === status, { deadlineMs: 30_000, everyMs: 10, what: status });
}

test('refuses content that is not what the image says, tells why and takes the right one after', async () => {
  const id = await make();
  const qcow2 = Buffer.alloc(600);
  qcow2.write('QFI\u00fb\0\0\0\u0003', 'latin1');
  const { status, body } = await images.call('PUT', `/v2/images/${id}/file`, { raw: qcow2 });
  assert.equal(status, 400);
  assert.match(body.message, /removed.*queued again.*qcow2/);
  assert.equal(await statusOf(id), 'queued');
  assert.deepEqual(await files(), []);
  assert.equal((await images.call('PUT', `/v2/images/${id}/file`, { raw: 'plain' })).status, 204);
  await images.call('DELETE', `/v2/images/${id}`);
  assert.deepEqual(await files(), []);
});

test('refuses data without formats, of another type, too large, or announced in two ways', async () => {
  const bare = (await images.call('POST', '/v2/images', { body: {} })).body.id as string;
  assert.equal((await images.call('PUT', `/v2/images/${bare}/file`, { raw: 'x' })).status, 400);
  const id = await make();
  const put = (headers: Record<string, string>, raw: string | Buffer = 'x') =>
    images.call('PUT', `/v2/images/${id}/file`, { raw, headers });
  assert.equal((await put({ 'content-type': 'text/plain' })).status, 415);
  assert.equal((await put({}, Buffer.alloc(1001))).status, 413);
  assert.equal((await put({ 'x-openstack-image-size': '2' })).status, 400);
  assert.equal((await put({ 'content-length': 'many' })).status, 400);
  assert.equal((await put({ 'content-length': '3' })).status, 400);
  assert.equal(await statusOf(id), 'queued');
  assert.deepEqual(await files(), []);
});

test('stops a transfer of unknown length at the limit', async () => {
  const id = await make();
  const answer = await fetch(`${images.origin}/image/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { 'x-auth-token': 'member', 'content-type': 'application/octet-stream' },
    body: new ReadableStream({
      start(controller) {
        for (let count = 0; count < 5; count++) controller.enqueue(new Uint8Array(400));
        controller.close();
      },
    }),
    duplex: 'half',
  });
  assert.equal(answer.status, 413);
  await becomes(id, 'queued');
  assert.deepEqual(await files(), []);
});

test('makes the image queued when the connection breaks, and when the sender falls silent', async () => {
  const port = Number(new URL(images.origin).port);
  for (const end of ['break', 'silence']) {
    const id = await make();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write(
      `PUT /image/v2/images/${id}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nContent-Type: application/octet-stream\r\nContent-Length: 900\r\n\r\nsome`,
    );
    await becomes(id, 'saving');
    if (end === 'break') socket.destroy();
    await becomes(id, 'queued');
    if (end === 'silence')
      await until(async () => answer.includes('400'), { deadlineMs: 30_000, what: 'the answer' });
    socket.destroy();
    assert.deepEqual(await files(), []);
  }
});

test('takes one of two uploads at once', async () => {
  const id = await make();
  const answers = await Promise.all(
    ['one', 'two'].map((raw) => images.call('PUT', `/v2/images/${id}/file`, { raw })),
  );
  assert.deepEqual(answers.map((answer) => answer.status).toSorted(), [204, 409]);
  const winner = answers[0]?.status === 204 ? 'one' : 'two';
  assert.equal(String((await images.call('GET', `/v2/images/${id}/file`)).body), winner);
  await images.call('DELETE', `/v2/images/${id}`);
  assert.deepEqual(await files(), []);
});

test('ends an upload whose image is deleted meanwhile, and removes the data', async () => {
  const id = await make();
  const port = Number(new URL(images.origin).port);
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.write(
    `PUT /image/v2/images/${id}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nContent-Type: application/octet-stream\r\nContent-Length: 8\r\n\r\nsome`,
  );
  await becomes(id, 'saving');
  assert.equal((await images.call('DELETE', `/v2/images/${id}`)).status, 204);
  socket.write('more');
  await until(async () => answer.includes('410'), { deadlineMs: 30_000, what: 'the answer' });
  socket.destroy();
  assert.deepEqual(await files(), []);
});

test('undoes at the start what a crash left, and keeps what belongs to an image', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pileus-image-crash-'));
  try {
    let kept = '';
    let cut = '';
    {
      await using first = await startImages({}, { dir });
      const body = { disk_format: 'raw', container_format: 'bare' };
      kept = (await first.call('POST', '/v2/images', { body })).body.id;
      cut = (await first.call('POST', '/v2/images', { body })).body.id;
      await first.call('PUT', `/v2/images/${kept}/file`, { raw: 'kept' });
      // As a process leaves it that is killed in the middle: the row says `saving`, a part of the file is there.
      const upload_id = randomUUID();
      const upload_lease = new Date(Date.now() + 60_000).toISOString();
      await first.service.deps.db.kysely
        .updateTable('images')
        .set({ status: 'saving', upload_id, upload_lease })
        .where('id', '=', cut)
        .execute();
      await writeFile(join(dir, 'store', `${upload_id}.part`), 'half');
      await writeFile(join(dir, 'store', randomUUID()), 'of a deleted image');
      await sweep(first.service.deps);
      assert.equal((await files(dir)).length, 2, 'a lease that holds is left alone, an orphan is not');
    }
    await using second = await startImages({}, { dir });
    assert.equal((await files(dir)).length, 1);
    assert.equal((await second.call('GET', `/v2/images/${cut}`)).body.status, 'queued');
    assert.equal(String((await second.call('GET', `/v2/images/${kept}/file`)).body), 'kept');
    assert.equal((await second.call('PUT', `/v2/images/${cut}/file`, { raw: 'whole' })).status, 204);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('reads ranges as RFC 9110 says', () => {
  assert.deepEqual(parseRange('bytes=0-3', 10), { start: 0, end: 3 });
  assert.deepEqual(parseRange('bytes=5-', 10), { start: 5, end: 9 });
  assert.deepEqual(parseRange('bytes=-3', 10), { start: 7, end: 9 });
  assert.deepEqual(parseRange('bytes=-30', 10), { start: 0, end: 9 });
  assert.deepEqual(parseRange('bytes=2-99', 10), { start: 2, end: 9 });
  for (const ignored of [
    undefined,
    'bytes=',
    'bytes=-',
    'lines=1-2',
    'bytes=0-1,3-4',
    'bytes=5-2',
    'bytes=a-b',
  ]) {
    assert.equal(parseRange(ignored, 10), undefined, ignored ?? 'none');
  }
  for (const beyond of ['bytes=10-', 'bytes=10-20', 'bytes=-0']) {
    assert.throws(() => parseRange(beyond, 10), { kind: 'range-not-satisfiable' }, beyond);
  }
});

test('reads ranges as older clients ask for them', () => {
  assert.equal(parseContentRange(undefined, 10), undefined);
  assert.deepEqual(parseContentRange('bytes 0-3/10', 10), { start: 0, end: 3 });
  assert.deepEqual(parseContentRange('bytes 4-9/*', 10), { start: 4, end: 9 });
  for (const wrong of ['bytes 4-10/*', 'bytes 10-12/20', 'bytes=0-3', 'bytes 5-2/*', 'nonsense'])
    assert.throws(() => parseContentRange(wrong, 10), { kind: 'range-not-satisfiable' }, wrong);
});
