// Lists of images and sharing: who sees what, filters, order, pages, and a constant number of statements.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ENGINES, urlOf } from '#test/support/engines.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { OTHER_PROJECT, PROJECT } from '#test/support/service-harness.ts';
import { splitQuoted } from './list.ts';

for (const engine of ENGINES) {
  describe(`on ${engine}`, () => {
    let images: ImageHarness;
    const ids: Record<string, string> = {};

    before(async () => {
      images = await startImages({}, { databaseUrl: await urlOf(engine) });
      const make = async (name: string, attributes: object, token = 'member') => {
        const body = { name, disk_format: 'raw', container_format: 'bare', ...attributes };
        ids[name] = (await images.call('POST', '/v2/images', { token, body })).body.id;
      };
      await make('one', { tags: ['x', 'y'], os_distro: 'debian', min_disk: 1 });
      await make('two', { tags: ['x'], visibility: 'private', os_distro: 'alpine' });
      await make('three, really', { disk_format: 'qcow2', protected: true });
      await make('hidden', { os_hidden: true });
      await make('common', { visibility: 'community' });
      await make('public', { visibility: 'public' }, 'admin');
      await make('foreign', { visibility: 'shared' }, 'stranger');
      await make('foreign-private', { visibility: 'private' }, 'stranger');
      await make('foreign-common', { visibility: 'community' }, 'stranger');
      await images.call('PUT', `/v2/images/${ids['one']}/file`, { raw: '12345' });
    });
    after(async () => images[Symbol.asyncDispose]());

    async function names(query: string, token = 'member'): Promise<string[]> {
      const { status, body } = await images.call('GET', `/v2/images?${query}`, { token });
      assert.equal(status, 200, JSON.stringify(body));
      return body.images.map((image: { name: string }) => image.name);
    }

    const sorted = async (query: string, token?: string) => (await names(query, token)).toSorted();
    const OWN = ['common', 'one', 'three, really', 'two'];

    test('shows what concerns the caller', async () => {
      assert.deepEqual(await sorted(''), [...OWN, 'public'].toSorted());
      assert.deepEqual(await sorted('', 'stranger'), [
        'foreign',
        'foreign-common',
        'foreign-private',
        'public',
      ]);
      assert.deepEqual(await sorted('visibility=community'), ['common', 'foreign-common']);
      assert.deepEqual(await sorted('', 'unscoped'), ['public']);
      assert.deepEqual(await sorted('visibility=private', 'unscoped'), []);
      assert.deepEqual(await sorted(`owner=${PROJECT}&visibility=all&member_status=all`, 'unscoped'), [
        'common',
      ]);
      assert.deepEqual(await sorted('visibility=private'), ['two']);
      assert.deepEqual(await sorted('visibility=all'), [...OWN, 'foreign-common', 'public'].toSorted());
      assert.deepEqual(await sorted('os_hidden=true'), ['hidden']);
      assert.ok((await sorted('', 'admin')).includes('foreign-private'));
      assert.deepEqual(await sorted(`owner=${OTHER_PROJECT}`), []);
    });

    test('filters', async () => {
      const one = (await images.call('GET', `/v2/images/${ids['one']}`)).body;
      for (const [query, expected] of [
        ['name=one', ['one']],
        ['name=On', []],
        ['name=in:one,"three, really"', ['one', 'three, really']],
        ['name=three, really', ['three, really']],
        ['tag=x', ['one', 'two']],
        ['tag=x&tag=y', ['one']],
        ['os_distro=debian', ['one']],
        ['os_distro=debian&tag=z', []],
        ['no_such_property=1', []],
        ['"]=1', []],
        ['status=active', ['one']],
        ['status=in:active,queued&disk_format=qcow2', ['three, really']],
        ['size_min=5&size_max=5', ['one']],
        ['size_min=6', []],
        ['min_disk=1', ['one']],
        ['protected=true', ['three, really']],
        [`checksum=${one.checksum}`, ['one']],
        [`os_hash_value=${one.os_hash_value}`, ['one']],
        [`id=${one.id}`, ['one']],
        [`id=in:${one.id},${ids['two']}`, ['one', 'two']],
        [`owner=${PROJECT}&visibility=private`, ['two']],
        ['created_at=lt:2000-01-01T00:00:00Z', []],
        [`name=one&created_at=${one.created_at}`, ['one']],
        [`name=one&created_at=gte:${one.created_at}`, ['one']],
        [`name=one&updated_at=gt:${one.updated_at}`, []],
        [`name=one&updated_at=neq:${one.updated_at}`, []],
      ] as const) {
        assert.deepEqual(await sorted(new URLSearchParams(query).toString()), expected, query);
      }
    });

    test('refuses filters, keys and pages that make no sense', async () => {
      for (const query of [
        'limit=-1',
        'limit=x',
        'marker=none',
        `marker=${ids['foreign-private']}`,
        'visibility=secret',
        'member_status=maybe',
        'sort_key=secret',
        'sort_key=properties_json',
        'sort_dir=up&sort_key=name',
        'sort_dir=sideways',
        'sort_key=owner',
        'sort_key=visibility',
        'sort_key=min_ram',
        'changes-since=2020-01-01T00:00:00Z',
        'sort=name:up',
        'sort=name&sort_key=name',
        'size_min=big',
        'created_at=yesterday',
        'created_at=like:2020-01-01T00:00:00Z',
        'name=in:"open',
        'protected=perhaps',
        'name=%00',
      ]) {
        assert.equal((await images.call('GET', `/v2/images?${query}`)).status, 400, query);
      }
    });

    test('sorts and pages, with nulls, ties and both directions', async () => {
      for (const sort of ['sort_key=name&sort_dir=asc', 'sort=size:desc,name:asc', 'sort=disk_format', '']) {
        const whole = await names(sort);
        const paged: string[] = [];
        let url: string | undefined = `/v2/images?limit=2&${sort}`;
        while (url !== undefined) {
          const { body } = await images.call('GET', url);
          paged.push(...body.images.map((image: { name: string }) => image.name));
          url = body.next;
          assert.ok(body.first.includes('limit=2'));
        }
        assert.deepEqual(paged, whole, sort);
      }
      assert.deepEqual((await names('sort_key=name&sort_dir=asc')).slice(0, 2), ['common', 'one']);
      assert.deepEqual(await names('limit=0'), []);
    });

    test('takes the last of several values, and passes over what says nothing', async () => {
      assert.deepEqual(await sorted('name=two&name=one'), ['one']);
      assert.deepEqual(await sorted('limit=x&limit=1&marker=none&name=one&marker=' + ids['two']), ['one']);
      assert.deepEqual(await sorted('deleted=true'), await sorted(''));
      assert.deepEqual(await sorted('size_min=-1&name=one'), ['one']);
      assert.deepEqual(await sorted('size_max=-1'), []);
    });

    test('takes a constant number of statements', async () => {
      const { db } = images.service.deps;
      const count = async (query: string) => {
        const before = db.statements;
        await names(query);
        return db.statements - before;
      };
      assert.equal(await count('limit=1'), 3);
      assert.equal(await count('limit=100'), 3);
    });

    test('shares an image with a project that accepts it', async () => {
      const url = `/v2/images/${ids['foreign']}/members`;
      const as = (token: string, method: string, path: string, body?: unknown) =>
        images.call(method, path, { token, ...(body === undefined ? {} : { body }) });
      assert.equal((await as('member', 'GET', url)).status, 404);
      assert.equal((await as('stranger', 'POST', url, { member: '' })).status, 400);
      const added = await as('stranger', 'POST', url, { member: PROJECT });
      assert.deepEqual([added.status, added.body.status, added.body.member_id], [200, 'pending', PROJECT]);
      assert.equal((await as('stranger', 'POST', url, { member: PROJECT })).status, 409);
      await as('stranger', 'POST', url, { member: 'somebody-else' });
      assert.ok(!(await names('')).includes('foreign'));
      assert.deepEqual(await names('member_status=pending&visibility=shared&name=foreign'), ['foreign']);
      assert.equal((await as('member', 'GET', `/v2/images/${ids['foreign']}`)).status, 200);
      assert.equal((await as('stranger', 'PUT', `${url}/${PROJECT}`, { status: 'accepted' })).status, 403);
      assert.equal((await as('reader', 'PUT', `${url}/${PROJECT}`, { status: 'accepted' })).status, 403);
      assert.equal((await as('member', 'PUT', `${url}/somebody-else`, { status: 'accepted' })).status, 404);
      assert.equal((await as('member', 'PUT', `${url}/${PROJECT}`, { status: 'perhaps' })).status, 400);
      assert.equal(
        (await as('member', 'PUT', `${url}/${PROJECT}`, { status: 'accepted' })).body.status,
        'accepted',
      );
      assert.ok((await names('')).includes('foreign'));
      assert.equal((await as('member', 'GET', url)).body.members.length, 1, 'a member sees itself only');
      assert.equal((await as('stranger', 'GET', url)).body.members.length, 2);
      const self = await as('member', 'GET', `${url}/${PROJECT}`);
      assert.deepEqual([self.status, self.body.member_id, self.body.status], [200, PROJECT, 'accepted']);
      assert.equal((await as('member', 'GET', `${url}/somebody-else`)).status, 404);
      assert.equal((await as('member', 'POST', url, { member: 'third' })).status, 403);
      assert.equal((await as('member', 'DELETE', `${url}/${PROJECT}`)).status, 403);
      assert.equal((await as('stranger', 'DELETE', `${url}/${PROJECT}`)).status, 204);
      assert.equal((await as('member', 'GET', `/v2/images/${ids['foreign']}`)).status, 404);
      assert.equal(
        (await images.call('POST', `/v2/images/${ids['two']}/members`, { body: { member: 'x' } })).status,
        403,
      );
    });

    test('adds and removes tags one by one', async () => {
      const url = `/v2/images/${ids['two']}/tags`;
      assert.equal((await images.call('PUT', `${url}/new%2Ftag`)).status, 204);
      assert.equal((await images.call('PUT', `${url}/new%2Ftag`)).status, 204);
      assert.deepEqual((await images.call('GET', `/v2/images/${ids['two']}`)).body.tags, ['new/tag', 'x']);
      assert.equal((await images.call('DELETE', `${url}/new%2Ftag`)).status, 204);
      assert.equal((await images.call('DELETE', `${url}/new%2Ftag`)).status, 404);
      assert.equal((await images.call('PUT', `${url}/${'x'.repeat(300)}`)).status, 400);
    });

    test('publishes its versions, schemas, stores and ways to import', async () => {
      assert.equal((await images.call('GET', '/', { token: null })).status, 300);
      assert.equal((await images.call('GET', '/v2', { token: null })).status, 300);
      const versions = await images.call('GET', '/versions', { token: null });
      assert.equal(versions.body.versions[0].status, 'CURRENT');
      for (const name of ['image', 'images', 'member', 'members', 'task', 'tasks']) {
        assert.equal((await images.call('GET', `/v2/schemas/${name}`)).body.name, name);
      }
      assert.deepEqual((await images.call('GET', '/v2/info/import')).body['import-methods'].value, [
        'glance-direct',
        'web-download',
        'copy-image',
      ]);
      assert.equal((await images.call('GET', '/v2/info/stores/detail')).status, 403);
      const detail = await images.call('GET', '/v2/info/stores/detail', { token: 'admin' });
      assert.deepEqual([detail.body.stores[0].type, detail.body.stores[0].default], ['file', 'true']);
      assert.equal((await images.call('GET', '/v2/info/stores')).body.stores[0].id, 'file');
    });
  });
}

test('splits quoted lists', () => {
  assert.deepEqual(splitQuoted('a,"b,c",d'), ['a', 'b,c', 'd']);
  assert.deepEqual(splitQuoted('"say \\"hi\\"",x'), ['say "hi"', 'x']);
  assert.deepEqual(splitQuoted(''), ['']);
  assert.throws(() => splitQuoted('"a'), { kind: 'bad-request' });
});
