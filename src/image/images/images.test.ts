// Images through the API: what is created, shown, changed and refused, and to whom.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ENGINES, urlOf } from '#test/support/engines.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { OTHER_PROJECT, PROJECT } from '#test/support/service-harness.ts';

for (const engine of ENGINES) {
  describe(`on ${engine}`, () => {
    let images: ImageHarness;
    before(async () => void (images = await startImages({}, { databaseUrl: await urlOf(engine) })));
    after(async () => images[Symbol.asyncDispose]());

    const PATCH = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
    const RAW = { disk_format: 'raw', container_format: 'bare' };

    async function make(attributes: object = {}, token = 'member'): Promise<string> {
      const { status, body } = await images.call('POST', '/v2/images', {
        token,
        body: { ...RAW, ...attributes },
      });
      assert.equal(status, 201, JSON.stringify(body));
      return body.id;
    }

    async function patch(id: string, changes: unknown, token = 'member') {
      return images.call('PATCH', `/v2/images/${id}`, { token, body: changes, headers: PATCH });
    }

    test('creates an image with attributes, properties and tags side by side', async () => {
      const { status, body, headers } = await images.call('POST', '/v2/images', {
        body: { ...RAW, name: 'cirros', min_disk: 1, tags: ['b', 'a', 'b'], os_distro: 'cirros' },
      });
      assert.equal(status, 201);
      assert.match(headers['location'] ?? '', new RegExp(`/image/v2/images/${body.id}$`));
      assert.deepEqual(
        { ...body, id: 0, created_at: 0, updated_at: 0, self: 0, file: 0 },
        {
          id: 0,
          name: 'cirros',
          status: 'queued',
          visibility: 'shared',
          owner: PROJECT,
          protected: false,
          os_hidden: false,
          ...RAW,
          min_disk: 1,
          min_ram: 0,
          size: null,
          virtual_size: null,
          checksum: null,
          os_hash_algo: null,
          os_hash_value: null,
          tags: ['a', 'b'],
          os_distro: 'cirros',
          created_at: 0,
          updated_at: 0,
          self: 0,
          file: 0,
          schema: '/v2/schemas/image',
        },
      );
      assert.match(body.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.deepEqual((await images.call('GET', `/v2/images/${body.id}`)).body, body);
    });

    test('takes data, shows its checksums and gives it back', async () => {
      const id = await make();
      assert.equal((await images.call('GET', `/v2/images/${id}/file`)).status, 204);
      assert.equal((await images.call('PUT', `/v2/images/${id}/file`, { raw: 'some data' })).status, 204);
      const { body } = await images.call('GET', `/v2/images/${id}`);
      assert.equal(body.status, 'active');
      assert.equal(body.size, 9);
      assert.equal(body.virtual_size, 9);
      assert.equal(body.checksum, '1e50210a0202497fb79bc38b6ade6c34');
      assert.equal(body.os_hash_algo, 'sha512');
      const download = await images.call('GET', `/v2/images/${id}/file`);
      assert.equal(download.status, 200);
      assert.equal(String(download.body), 'some data');
      assert.equal(download.headers['content-md5'], body.checksum);
      const part = await images.call('GET', `/v2/images/${id}/file`, { headers: { range: 'bytes=5-' } });
      assert.equal(part.status, 206);
      assert.equal(String(part.body), 'data');
      assert.equal(part.headers['content-range'], 'bytes 5-8/9');
      const beyond = await images.call('GET', `/v2/images/${id}/file`, { headers: { range: 'bytes=9-' } });
      assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */9']);
      assert.equal((await images.call('PUT', `/v2/images/${id}/file`, { raw: 'again' })).status, 409);
    });

    test('refuses what only the service or nobody may set', async () => {
      for (const name of [
        'status',
        'size',
        'checksum',
        'direct_url',
        'created_at',
        'locations',
        'os_glance_x',
      ]) {
        const { status } = await images.call('POST', '/v2/images', { body: { [name]: 'x' } });
        assert.equal(status, 403, name);
      }
      const id = await make();
      for (const path of ['/id', '/status', '/locations/-', '/locations', '/deleted']) {
        const { status } = await patch(id, [{ op: 'add', path, value: 'file:///etc/passwd' }]);
        assert.ok(status === 403 || status === 400, path);
      }
      assert.equal((await patch(id, [{ op: 'remove', path: '/name' }])).status, 403);
    });

    test('refuses values of the wrong type, and odd names', async () => {
      for (const body of [
        { name: 5 },
        { name: 'x'.repeat(256) },
        { name: 'nul\0' },
        { min_disk: -1 },
        { min_ram: 2 ** 40 },
        { visibility: 'secret' },
        { disk_format: 'exe' },
        { tags: ['x'.repeat(300)] },
        { tags: 'x' },
        { property: 5 },
        { property: null },
        { ['p'.repeat(300)]: 'x' },
        { id: '../../etc' },
        [],
        'text',
      ]) {
        assert.equal(
          (await images.call('POST', '/v2/images', { body })).status,
          400,
          JSON.stringify(body).slice(0, 60),
        );
      }
      const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`p${index}`, 'x']));
      assert.equal((await images.call('POST', '/v2/images', { body: many })).status, 413);
    });

    test('gives an id once, also after the image is gone', async () => {
      const id = '0b2f9c1e-0000-4000-8000-00000000abcd';
      assert.equal(await make({ id: id.toUpperCase() }), id);
      assert.equal(
        (await images.call('POST', '/v2/images', { token: 'stranger', body: { id } })).status,
        409,
      );
      assert.equal((await images.call('DELETE', `/v2/images/${id}`)).status, 204);
      assert.equal((await images.call('GET', `/v2/images/${id}`)).status, 404);
      assert.equal(
        (await images.call('POST', '/v2/images', { token: 'stranger', body: { id } })).status,
        409,
      );
    });

    test('changes attributes, properties and tags by patch', async () => {
      const id = await make({ a: '1', b: '2', 'x/y': 'z', tags: ['t1'] });
      const { status, body } = await patch(id, [
        { op: 'replace', path: '/name', value: 'new' },
        { op: 'replace', path: '/a', value: 'one' },
        { op: 'remove', path: '/b' },
        { op: 'add', path: '/c', value: '3' },
        { op: 'remove', path: '/x~1y' },
        { op: 'add', path: '/tags/1', value: 't2' },
        { op: 'replace', path: '/protected', value: true },
      ]);
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(
        [body.name, body.a, body.b, body.c, body['x/y'], body.protected],
        ['new', 'one', undefined, '3', undefined, true],
      );
      assert.deepEqual(body.tags, ['t1', 't2']);
      assert.equal((await images.call('DELETE', `/v2/images/${id}`)).status, 403);
      assert.equal((await patch(id, [{ op: 'replace', path: '/nothing', value: 'x' }])).status, 409);
      assert.equal((await patch(id, [{ op: 'remove', path: '/nothing' }])).status, 409);
      assert.equal((await patch(id, [{ op: 'test', path: '/name', value: 'x' }])).status, 400);
      assert.equal((await patch(id, [{ op: 'add', path: 'name', value: 'x' }])).status, 400);
      assert.equal((await patch(id, { op: 'add' })).status, 400);
      const json = { 'content-type': 'application/json' };
      assert.equal((await images.call('PATCH', `/v2/images/${id}`, { body: [], headers: json })).status, 415);
      const older = { 'content-type': 'application/openstack-images-v2.0-json-patch' };
      const second = await images.call('PATCH', `/v2/images/${id}`, {
        body: [{ replace: '/protected', value: false }],
        headers: older,
      });
      assert.equal(second.status, 200);
      assert.equal((await images.call('DELETE', `/v2/images/${id}`)).status, 204);
    });

    test('keeps the formats of an image that has data', async () => {
      const id = await make();
      await images.call('PUT', `/v2/images/${id}/file`, { raw: 'data' });
      assert.equal((await patch(id, [{ op: 'replace', path: '/disk_format', value: 'qcow2' }])).status, 403);
    });

    test('lets only administrators publish, and gives nothing to other projects', async () => {
      assert.equal((await images.call('POST', '/v2/images', { body: { visibility: 'public' } })).status, 403);
      assert.equal((await images.call('POST', '/v2/images', { body: { owner: OTHER_PROJECT } })).status, 403);
      const id = await make();
      assert.equal((await patch(id, [{ op: 'replace', path: '/visibility', value: 'public' }])).status, 403);
      assert.equal((await patch(id, [{ op: 'replace', path: '/owner', value: OTHER_PROJECT }])).status, 403);
      assert.equal(
        (await patch(id, [{ op: 'replace', path: '/visibility', value: 'public' }], 'admin')).status,
        200,
      );
      assert.equal((await images.call('GET', `/v2/images/${id}`, { token: 'stranger' })).status, 200);
    });

    test('shows a foreign image to nobody, and a public one to all, unchanged', async () => {
      const own = await make();
      for (const method of ['GET', 'DELETE']) {
        assert.equal((await images.call(method, `/v2/images/${own}`, { token: 'stranger' })).status, 404);
      }
      assert.equal(
        (await patch(own, [{ op: 'replace', path: '/name', value: 'x' }], 'stranger')).status,
        404,
      );
      assert.equal(
        (await images.call('PUT', `/v2/images/${own}/file`, { token: 'stranger', raw: 'x' })).status,
        404,
      );
      assert.equal((await images.call('GET', `/v2/images/${own}/file`, { token: 'stranger' })).status, 404);
      const common = await make({ visibility: 'community' });
      assert.equal((await images.call('GET', `/v2/images/${common}`, { token: 'stranger' })).status, 200);
      assert.equal((await images.call('DELETE', `/v2/images/${common}`, { token: 'stranger' })).status, 403);
      assert.equal((await patch(common, [], 'stranger')).status, 403);
    });

    test('lets readers look and nothing else', async () => {
      const id = await make();
      assert.equal((await images.call('GET', `/v2/images/${id}`, { token: 'reader' })).status, 200);
      assert.equal((await images.call('GET', '/v2/images', { token: 'reader' })).status, 200);
      assert.equal((await images.call('POST', '/v2/images', { token: 'reader', body: RAW })).status, 403);
      assert.equal((await patch(id, [], 'reader')).status, 403);
      assert.equal((await images.call('DELETE', `/v2/images/${id}`, { token: 'reader' })).status, 403);
      assert.equal((await images.call('GET', `/v2/images/${id}/file`, { token: 'reader' })).status, 403);
      assert.equal((await images.call('GET', '/v2/images', { token: null })).status, 401);
      assert.equal((await images.call('GET', '/v2/images', { token: 'nobody' })).status, 401);
    });

    test('deactivates and reactivates', async () => {
      const id = await make();
      assert.equal((await images.call('POST', `/v2/images/${id}/actions/deactivate`)).status, 403);
      await images.call('PUT', `/v2/images/${id}/file`, { raw: 'data' });
      assert.equal((await images.call('POST', `/v2/images/${id}/actions/deactivate`)).status, 204);
      assert.equal((await images.call('GET', `/v2/images/${id}/file`)).status, 403);
      assert.equal((await images.call('POST', `/v2/images/${id}/actions/reactivate`)).status, 204);
      assert.equal((await images.call('GET', `/v2/images/${id}/file`)).status, 200);
    });

    test('tells only administrators and services where the data is', async () => {
      const id = await make({ visibility: 'community' });
      await images.call('PUT', `/v2/images/${id}/file`, { raw: 'data' });
      for (const token of ['member', 'reader', 'stranger']) {
        const { body } = await images.call('GET', `/v2/images/${id}`, { token });
        assert.equal(body.direct_url, undefined);
        assert.equal(body.locations, undefined);
      }
      for (const token of ['admin', 'service']) {
        const { body } = await images.call('GET', `/v2/images/${id}`, { token });
        assert.match(body.direct_url, /^file:\/\/\/.*\/store\/[0-9a-f-]{36}$/);
      }
    });

    test('answers errors as HTML to clients that do not ask for JSON, with what they sent escaped', async () => {
      const { status, body, headers } = await images.call('GET', '/v2/images/%3Cscript%3E', {
        headers: { accept: '*/*' },
      });
      assert.equal(status, 404);
      assert.match(headers['content-type'] ?? '', /^text\/html/);
      assert.match(String(body), /&lt;script&gt;/);
    });
  });
}
