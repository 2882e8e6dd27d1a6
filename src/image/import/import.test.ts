// Imports through the API: staged data, downloads, copies between stores, what fails and what is left of it.
import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { StoreFactory } from '../store/port.ts';
import { openFileStore } from '../store/file-store.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import type { Answer } from '#test/support/service-harness.ts';
import { until } from '#test/support/until.ts';

const RAW = { disk_format: 'raw', container_format: 'bare' };

/** A store that takes nothing. */
const fullStore: StoreFactory = async (config, context) => ({
  ...(await openFileStore(config, context)),
  put: async () => Promise.reject(new Error('the disk is broken')),
});

let images: ImageHarness;
let web: Server;
let origin: string;
const answers: Record<string, (response: ServerResponse) => void> = {
  '/disk': (response) => void response.end('the data of the web'),
  '/moved': (response) => void response.writeHead(302, { location: '/disk' }).end(),
  '/loop': (response) => void response.writeHead(302, { location: '/loop' }).end(),
  '/inside': (response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
  '/other-port': (response) => void response.writeHead(307, { location: 'http://127.0.0.1:22/' }).end(),
  '/missing': (response) => void response.writeHead(404).end('no'),
  '/large': (response) => void response.end(Buffer.alloc(3000)),
  '/cut': (response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('some', () => response.destroy());
  },
  '/qcow2': (response) =>
    void response.end(Buffer.concat([Buffer.from('QFI\u00fb', 'latin1'), Buffer.alloc(996)])),
};

before(async () => {
  web = createServer((request, response) => (answers[request.url ?? ''] ?? answers['/missing'])?.(response));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const { port } = web.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
  images = await startImages(
    {
      maxImageBytes: 2000,
      stores: [
        { id: 'file', kind: 'file', default: true },
        { id: 'cold', kind: 'file', description: 'slow and cheap' },
        { id: 'broken', kind: 'broken' },
      ],
      webDownload: { ports: [port], insideNetworks: ['127.0.0.0/8'], maxRedirects: 2, answerMs: 2000 },
    },
    { storeFactories: { broken: fullStore } },
  );
});
after(async () => {
  await images[Symbol.asyncDispose]();
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
});

async function make(attributes: object = RAW): Promise<string> {
  return (await images.call('POST', '/v2/images', { body: { name: 'i', ...attributes } })).body.id;
}

async function staged(data = 'staged data'): Promise<string> {
  const id = await make();
  assert.equal((await images.call('PUT', `/v2/images/${id}/stage`, { raw: data })).status, 204);
  return id;
}

async function start(id: string, method: object, more: object = {}, token = 'member'): Promise<Answer> {
  return images.call('POST', `/v2/images/${id}/import`, { body: { method, ...more }, token });
}

/** The image when its import has ended. */
async function ended(id: string): Promise<Answer['body']> {
  let image: Answer['body'];
  await until(
    async () => {
      image = (await images.call('GET', `/v2/images/${id}`)).body;
      return image.os_glance_import_task === undefined;
    },
    { deadlineMs: 10_000, everyMs: 10, what: `the import into ${id}` },
  );
  return image;
}

async function taskOf(id: string): Promise<Answer['body']> {
  return (await images.call('GET', `/v2/images/${id}/tasks`)).body.tasks.at(-1);
}

async function stagingIsEmpty(): Promise<void> {
  assert.deepEqual(await readdir(join(images.dir, 'staging')), []);
}

describe('glance-direct', () => {
  test('stages data and makes an active image of it', async () => {
    const id = await staged();
    const uploading = (await images.call('GET', `/v2/images/${id}`)).body;
    assert.deepEqual([uploading.status, uploading.size, uploading.stores], ['uploading', null, undefined]);
    assert.equal((await images.call('GET', `/v2/images/${id}/file`)).status, 204);
    const begun = await start(id, { name: 'glance-direct' });
    assert.deepEqual([begun.status, begun.body], [202, undefined]);
    const image = await ended(id);
    assert.deepEqual(
      [
        image.status,
        image.size,
        image.stores,
        image.os_glance_importing_to_stores,
        image.os_glance_failed_import,
      ],
      ['active', 11, 'file', '', ''],
    );
    assert.match(image.os_hash_value, /^[0-9a-f]{128}$/);
    assert.equal(String((await images.call('GET', `/v2/images/${id}/file`)).body), 'staged data');
    const task = await taskOf(id);
    assert.deepEqual(
      [
        task.type,
        task.status,
        task.image_id,
        task.request_id,
        task.input.import_req.method.name,
        task.result,
      ],
      [
        'api_image_import',
        'success',
        id,
        begun.headers['x-openstack-request-id'],
        'glance-direct',
        { image_id: id },
      ],
    );
    assert.ok(task.expires_at);
    await stagingIsEmpty();
  });

  test('wants staged data, formats, a method that there is, and stores that there are', async () => {
    const queued = await make();
    assert.equal((await start(queued, { name: 'glance-direct' })).status, 409);
    const id = await staged();
    assert.equal((await start(id, { name: 'carrier-pigeon' })).status, 400);
    assert.equal((await start(id, {})).status, 400);
    assert.equal((await start(id, { name: 'web-download', uri: `${origin}/disk` })).status, 409);
    assert.equal((await start(id, { name: 'glance-direct' }, { stores: ['nowhere'] })).status, 409);
    const both = { stores: ['file'], all_stores: true };
    assert.equal((await start(id, { name: 'glance-direct' }, both)).status, 400);
    assert.equal((await start(id, { name: 'glance-direct' }, {}, 'stranger')).status, 404);
    assert.equal((await start(id, { name: 'glance-direct' }, {}, 'reader')).status, 403);
    assert.equal((await images.call('PUT', `/v2/images/${id}/stage`, { raw: 'x' })).status, 409);
    assert.equal((await images.call('PUT', `/v2/images/${id}/file`, { raw: 'x' })).status, 409);
    assert.equal((await images.call('DELETE', `/v2/images/${id}`)).status, 204);
    await stagingIsEmpty();
    const bare = await make({ disk_format: null });
    await images.call('PUT', `/v2/images/${bare}/stage`, { raw: 'x' });
    assert.equal((await start(bare, { name: 'glance-direct' })).status, 400);
    await images.call('DELETE', `/v2/images/${bare}`);
  });

  test('makes the image queued again when its content is refused, and says why', async () => {
    const id = await make({ disk_format: 'qcow2', container_format: 'bare' });
    await images.call('PUT', `/v2/images/${id}/stage`, { raw: 'no qcow2' });
    assert.equal((await start(id, { name: 'glance-direct' })).status, 202);
    const image = await ended(id);
    assert.deepEqual([image.status, image.os_glance_failed_import], ['queued', 'file']);
    const task = await taskOf(id);
    assert.equal(task.status, 'failure');
    assert.match(task.message, /not qcow2/);
    await stagingIsEmpty();
    assert.equal((await images.call('PUT', `/v2/images/${id}/stage`, { raw: 'again' })).status, 204);
    await images.call('DELETE', `/v2/images/${id}`);
  });

  test('fills all the stores that are asked for, and lets some fail when it may', async () => {
    const id = await staged();
    await start(id, { name: 'glance-direct' }, { all_stores: true, all_stores_must_succeed: false });
    const image = await ended(id);
    assert.deepEqual(
      [image.status, image.stores, image.os_glance_failed_import],
      ['active', 'cold,file', 'broken'],
    );
    const strict = await staged();
    await start(strict, { name: 'glance-direct' }, { stores: ['cold', 'broken'] });
    const undone = await ended(strict);
    assert.deepEqual(
      [undone.status, undone.stores, undone.os_glance_failed_import],
      ['queued', undefined, 'cold,broken'],
    );
    assert.match((await taskOf(strict)).message, /failed inside/);
    await stagingIsEmpty();
    assert.equal((await readdir(join(images.dir, 'stores', 'cold'))).length, 1);
  });

  test('takes one of two imports at once', async () => {
    const id = await staged();
    const both = await Promise.all([
      start(id, { name: 'glance-direct' }),
      start(id, { name: 'glance-direct' }),
    ]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), [202, 409]);
    assert.equal((await ended(id)).status, 'active');
  });
});

describe('web-download', () => {
  test('downloads, also after a redirect', async () => {
    for (const path of ['/disk', '/moved']) {
      const id = await make();
      assert.equal((await start(id, { name: 'web-download', uri: origin + path })).status, 202);
      assert.equal((await ended(id)).status, 'active', path);
      assert.equal(String((await images.call('GET', `/v2/images/${id}/file`)).body), 'the data of the web');
    }
    await stagingIsEmpty();
  });

  test('refuses at once what can be told from the URI', async () => {
    const id = await make();
    for (const uri of [
      undefined,
      'file:///etc/passwd',
      'http://10.0.0.1/',
      `${origin}0/`,
      'http://localhost/',
    ])
      assert.equal((await start(id, { name: 'web-download', uri })).status, 400, uri ?? 'none');
    assert.equal((await images.call('GET', `/v2/images/${id}`)).body.status, 'queued');
  });

  test('ends queued with the reason when the download fails', async () => {
    const reasons: ReadonlyArray<readonly [string, RegExp]> = [
      ['/missing', /answered 404/],
      ['/loop', /too often/],
      ['/inside', /Port 80 is not allowed/],
      ['/other-port', /Port 22 is not allowed/],
      ['/large', /larger than the limit/],
      ['/cut', /./],
      ['/qcow2', /qcow2 of the unknown version/],
    ];
    for (const [path, reason] of reasons) {
      const id = await make();
      assert.equal((await start(id, { name: 'web-download', uri: origin + path })).status, 202);
      const image = await ended(id);
      assert.deepEqual([image.status, image.os_glance_failed_import], ['queued', 'file'], path);
      assert.match((await taskOf(id)).message, reason, path);
    }
    await stagingIsEmpty();
  });
});

describe('copy-image', () => {
  test('copies an active image to more stores, which an administrator may ask', async () => {
    const id = await make();
    await images.call('PUT', `/v2/images/${id}/file`, { raw: 'to copy' });
    assert.equal((await start(id, { name: 'copy-image' }, { stores: ['cold'] })).status, 403);
    assert.equal((await start(id, { name: 'copy-image' }, { stores: ['file'] }, 'admin')).status, 400);
    assert.equal((await start(id, { name: 'copy-image' }, { stores: ['cold'] }, 'admin')).status, 202);
    const image = await ended(id);
    assert.deepEqual(
      [image.status, image.stores, image.os_glance_failed_import],
      ['active', 'cold,file', ''],
    );
    const more = { all_stores: true, all_stores_must_succeed: false };
    assert.equal((await start(id, { name: 'copy-image' }, more, 'admin')).status, 202);
    const failed = await ended(id);
    assert.deepEqual(
      [failed.status, failed.stores, failed.os_glance_failed_import],
      ['active', 'cold,file', 'broken'],
    );
    const shown = (await images.call('GET', `/v2/images/${id}`, { token: 'admin' })).body;
    assert.deepEqual(
      shown.locations.map((each: { metadata: { store: string } }) => each.metadata.store),
      ['file', 'cold'],
    );
    const drop = async (store: string, token = 'admin') =>
      (await images.call('DELETE', `/v2/stores/${store}/${id}`, { token })).status;
    assert.deepEqual(
      [await drop('cold', 'member'), await drop('broken'), await drop('file'), await drop('cold')],
      [403, 404, 204, 403],
    );
    assert.equal(String((await images.call('GET', `/v2/images/${id}/file`)).body), 'to copy');
  });

  test('has nothing to do when all stores have it', async () => {
    await using one = await startImages();
    const { id } = (await one.call('POST', '/v2/images', { body: RAW })).body;
    await one.call('PUT', `/v2/images/${id}/file`, { raw: 'x' });
    const body = { method: { name: 'copy-image' }, all_stores: true };
    assert.equal((await one.call('POST', `/v2/images/${id}/import`, { body, token: 'admin' })).status, 202);
    const image = (await one.call('GET', `/v2/images/${id}`)).body;
    assert.deepEqual([image.os_glance_importing_to_stores, image.os_glance_failed_import], ['', '']);
  });
});

describe('tasks', () => {
  test("of an image are its own project's to see", async () => {
    const id = await staged();
    await start(id, { name: 'glance-direct' });
    await ended(id);
    const body = [{ op: 'replace', path: '/visibility', value: 'public' }];
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
    assert.equal(
      (await images.call('PATCH', `/v2/images/${id}`, { body, headers, token: 'admin' })).status,
      200,
    );
    assert.equal((await images.call('GET', `/v2/images/${id}`, { token: 'stranger' })).status, 200);
    assert.equal((await images.call('GET', `/v2/images/${id}/tasks`, { token: 'stranger' })).status, 403);
    assert.equal(
      (await images.call('GET', `/v2/images/${id}/tasks`, { token: 'reader' })).body.tasks.length,
      1,
    );
  });

  test('are listed and made by administrators alone', async () => {
    const input = {
      import_from: `${origin}/disk`,
      import_from_format: 'raw',
      image_properties: { name: 'by task', os_distro: 'debian' },
    };
    for (const [method, url, body] of [
      ['GET', '/v2/tasks', undefined],
      ['POST', '/v2/tasks', { type: 'import', input }],
      ['GET', '/v2/tasks/x', undefined],
    ] as const)
      assert.equal((await images.call(method, url, { body })).status, 403, `${method} ${url}`);
    const made = await images.call('POST', '/v2/tasks', { token: 'admin', body: { type: 'import', input } });
    assert.deepEqual([made.status, made.body.status, made.body.type], [201, 'pending', 'import']);
    const show = async () => (await images.call('GET', `/v2/tasks/${made.body.id}`, { token: 'admin' })).body;
    await until(async () => (await show()).status === 'success', { deadlineMs: 30_000, what: 'the task' });
    const { image_id } = (await show()).result;
    const image = (await images.call('GET', `/v2/images/${image_id}`, { token: 'admin' })).body;
    assert.deepEqual([image.name, image.status, image.os_distro], ['by task', 'active', 'debian']);
    for (const body of [
      { type: 'export', input },
      { type: 'import', input: { ...input, import_from: 'http://10.0.0.1/x' } },
      { type: 'import', input: {} },
    ])
      assert.equal((await images.call('POST', '/v2/tasks', { token: 'admin', body })).status, 400);
    const list = async (query: string) =>
      (await images.call('GET', `/v2/tasks?${query}`, { token: 'admin' })).body;
    assert.deepEqual(
      (await list('type=import')).tasks.map((task: { id: string }) => task.id),
      [made.body.id],
    );
    const [first] = (await list('limit=1&sort_key=id&sort_dir=asc')).tasks;
    const { next } = await list('limit=1&sort_key=id&sort_dir=asc');
    const second = (await images.call('GET', next, { token: 'admin' })).body.tasks[0];
    assert.ok(first.id < second.id);
    assert.equal((await images.call('GET', '/v2/tasks?marker=x', { token: 'admin' })).status, 400);
    assert.equal((await images.call('GET', '/v2/tasks/nothing', { token: 'admin' })).status, 404);
  });
});
