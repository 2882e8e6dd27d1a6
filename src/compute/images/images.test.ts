// Images through compute, as older clients use them: on a simulated cloud, with its real image service.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';

let cloud: TestCloud;
let id: string;

before(async () => {
  cloud = await startCloud({ simulated: true });
  const made = await call('POST', '/image/v2/images', {
    name: 'mine',
    disk_format: 'raw',
    container_format: 'bare',
    os_type: 'linux',
  });
  id = (made.body as { id: string }).id;
});
after(async () => cloud[Symbol.asyncDispose]());

// oxlint-disable-next-line typescript/no-explicit-any -- answers of many shapes
type Any = any;

async function call(
  method: string,
  path: string,
  body?: unknown,
  version = '2.1',
): Promise<{ status: number; body: Any }> {
  const { origin, token } = await cloud.access();
  const answer = await fetch(origin + path, {
    method,
    headers: {
      'x-auth-token': token,
      'openstack-api-version': `compute ${version}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

test('lists and shows images in the old words until 2.35', async () => {
  const { images } = (await call('GET', '/compute/v2.1/images/detail')).body;
  const demo = images.find(({ name }: { name: string }) => name === 'pileus-demo');
  assert.equal(demo.status, 'ACTIVE');
  assert.equal(demo.progress, 100);
  const { image } = (await call('GET', `/compute/v2.1/images/${id}`)).body;
  assert.deepEqual([image.status, image.metadata, image.minDisk], ['SAVING', { os_type: 'linux' }, 0]);
  const named = (await call('GET', '/compute/v2.1/images?name=mine')).body.images;
  assert.deepEqual(
    named.map((each: { id: string }) => each.id),
    [id],
  );
  const page = (await call('GET', '/compute/v2.1/images?limit=1')).body;
  assert.equal(page.images.length, 1);
  const next = new URL(page.images_links[0].href);
  const rest = (await call('GET', next.pathname + next.search.replace('limit=1', 'limit=100'))).body;
  assert.ok(
    rest.images.length > 0 && rest.images.every((each: { id: string }) => each.id !== page.images[0].id),
  );
  assert.equal((await call('GET', '/compute/v2.1/images?marker=nobody')).status, 400);
  assert.equal((await call('GET', `/compute/v2.1/images/${id}`, undefined, '2.36')).status, 404);
});

test("changes an image's metadata, and never another project's", async () => {
  const path = `/compute/v2.1/images/${id}/metadata`;
  const added = await call('POST', path, { metadata: { a: '1', b: '2' } });
  assert.deepEqual(added.body.metadata, { os_type: 'linux', a: '1', b: '2' });
  assert.deepEqual((await call('PUT', `${path}/a`, { meta: { a: '3' } })).body, { meta: { a: '3' } });
  assert.deepEqual((await call('GET', `${path}/a`)).body, { meta: { a: '3' } });
  assert.equal((await call('PUT', `${path}/a`, { meta: { b: '3' } })).status, 400);
  assert.equal((await call('DELETE', `${path}/b`)).status, 204);
  assert.equal((await call('DELETE', `${path}/b`)).status, 404);
  assert.deepEqual((await call('PUT', path, { metadata: { c: '4' } })).body.metadata, { c: '4' });
  assert.deepEqual((await call('GET', path)).body.metadata, { c: '4' });
  const { images } = (await call('GET', '/compute/v2.1/images?name=pileus-demo')).body;
  const foreign = await call('POST', `/compute/v2.1/images/${images[0].id}/metadata`, {
    metadata: { a: '1' },
  });
  assert.equal(foreign.status, 403);
});

test('deletes an image', async () => {
  assert.equal((await call('DELETE', `/compute/v2.1/images/${id}`)).status, 204);
  assert.equal((await call('GET', `/compute/v2.1/images/${id}`)).status, 404);
  assert.equal((await call('DELETE', `/compute/v2.1/images/${id}`)).status, 404);
});
