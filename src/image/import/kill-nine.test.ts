// kill -9 in the middle of imports, at moments spread over their whole length: the next process ends each of them, the
// image is active and whole or queued again, and nothing else is left in any store.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { until } from '#test/support/until.ts';
import type { ImageConfig } from '../config.ts';

const DATA = randomBytes(8 << 20);
const SHA512 = createHash('sha512').update(DATA).digest('hex');
const STEPS_MS = [0, 10, 25, 50, 90, 140];

function options(dir: string, port: number): [Partial<ImageConfig>, { dir: string }] {
  const stores = [
    { id: 'file', kind: 'file' },
    { id: 'cold', kind: 'file' },
  ];
  const webDownload = { ports: [port], insideNetworks: ['127.0.0.1'], maxRedirects: 0, answerMs: 5000 };
  return [{ stores, webDownload }, { dir }];
}

if (process.argv[2] === 'serve') {
  // The process that is killed.
  const { origin } = await startImages(...options(process.argv[3] ?? '', Number(process.argv[4])));
  process.send?.(origin);
} else {
  for (const method of ['glance-direct', 'web-download'] as const)
    test(`${method} ends done or undone whenever the process is killed`, async () =>
      killAtEachMoment(method));
}

async function killAtEachMoment(method: 'glance-direct' | 'web-download'): Promise<void> {
  const web = createServer((_request, response) => response.end(DATA)).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port } = web.address() as AddressInfo;
  const dir = await mkdtemp(join(tmpdir(), 'pileus-kill-'));
  const outcomes: string[] = [];
  try {
    for (const afterMs of STEPS_MS) {
      const id = await importAndKill(method, { dir, port, afterMs });
      await using images = await startImages(...options(dir, port));
      outcomes.push(await endOf(images, id));
      await images.call('DELETE', `/v2/images/${id}`);
      assert.deepEqual(await left(dir), [], `left over when killed after ${afterMs} ms`);
    }
  } finally {
    web.closeAllConnections();
    web.close();
    await rm(dir, { recursive: true, force: true });
  }
  assert.ok(outcomes.includes('active'), outcomes.join());
}

interface Kill {
  readonly dir: string;
  readonly port: number;
  readonly afterMs: number;
}

async function importAndKill(method: string, { dir, port, afterMs }: Kill): Promise<string> {
  const child = fork(import.meta.filename, ['serve', dir, String(port)], { execArgv: [] });
  try {
    const [origin] = (await once(child, 'message')) as [string];
    const send = async (
      verb: string,
      path: string,
      type: string,
      body: string | Buffer,
    ): Promise<Response> => {
      const headers = { 'x-auth-token': 'member', 'content-type': type };
      const answer = await fetch(`${origin}/image/v2/images${path}`, { method: verb, headers, body });
      assert.ok(answer.ok, `${verb} ${path}: ${answer.status}`);
      return answer;
    };
    const json = async (path: string, body: object) =>
      send('POST', path, 'application/json', JSON.stringify(body));
    const made = await json('', { disk_format: 'raw', container_format: 'bare' });
    const { id } = (await made.json()) as { id: string };
    const staged = method === 'glance-direct';
    if (staged) await send('PUT', `/${id}/stage`, 'application/octet-stream', DATA);
    const wish = staged ? { name: method } : { name: method, uri: `http://127.0.0.1:${port}/disk` };
    await json(`/${id}/import`, { method: wish, all_stores: true });
    await pause(afterMs);
    return id;
  } finally {
    await killed(child);
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** What became of the import, checked to be whole. */
async function endOf(images: ImageHarness, id: string): Promise<string> {
  const show = async () => (await images.call('GET', `/v2/images/${id}`)).body;
  const ended = async () => (await show()).os_glance_import_task === undefined;
  await until(ended, { deadlineMs: 20_000, what: 'the import to end' });
  const image = await show();
  const [task] = (await images.call('GET', `/v2/images/${id}/tasks`)).body.tasks;
  if (image.status === 'active') {
    assert.deepEqual([image.stores, image.os_hash_value, task.status], ['cold,file', SHA512, 'success']);
    const { body } = await images.call('GET', `/v2/images/${id}/file`);
    assert.ok(DATA.equals(body));
  } else {
    assert.deepEqual([image.status, image.os_glance_failed_import], ['queued', 'file,cold']);
    assert.equal(task.status, 'failure');
  }
  return image.status;
}

async function left(dir: string): Promise<string[]> {
  const places = ['store', 'stores/cold', 'staging'];
  const found = await Promise.all(
    places.map(async (place) => (await readdir(join(dir, place))).map((name) => `${place}/${name}`)),
  );
  return found.flat();
}
