// Metadata definitions: who sees and who writes, what is in a namespace, names, pages and protection.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ENGINES, urlOf } from '#test/support/engines.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { PROJECT, type Answer } from '#test/support/service-harness.ts';

const N = '/v2/metadefs/namespaces';

for (const engine of ENGINES) {
  describe(`on ${engine}`, () => {
    let images: ImageHarness;
    before(async () => {
      images = await startImages({}, { databaseUrl: await urlOf(engine) });
      await write('POST', N, {
        namespace: 'OS::Open',
        display_name: 'Open',
        visibility: 'public',
        owner: 'somebody',
        resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }],
        properties: { cores: { title: 'Cores', type: 'integer', minimum: 1, default: 1 } },
        objects: [
          { name: 'software', required: ['os'], properties: { os: { title: 'OS', type: 'string' } } },
        ],
        tags: [{ name: 'fast' }],
      });
      await write('POST', N, { namespace: 'OS::Secret' });
      await write('POST', N, { namespace: 'OS::Own', owner: PROJECT, protected: true });
    });
    after(async () => images[Symbol.asyncDispose]());

    const as = async (token: string, method: string, url: string, body?: unknown): Promise<Answer> =>
      images.call(method, url, { token, ...(body === undefined ? {} : { body }) });
    const write = async (method: string, url: string, body?: unknown): Promise<Answer> =>
      as('admin', method, url, body);
    const names = async (query: string, token = 'member'): Promise<string[]> => {
      const { status, body } = await as(token, 'GET', `${N}?sort_key=namespace&sort_dir=asc&${query}`);
      assert.equal(status, 200);
      return body.namespaces.map((each: { namespace: string }) => each.namespace);
    };

    test('shows a namespace with all that is in it', async () => {
      const { body } = await as('reader', 'GET', `${N}/OS::Open`);
      assert.deepEqual(
        [body.namespace, body.display_name, body.visibility, body.protected, body.owner],
        ['OS::Open', 'Open', 'public', false, 'somebody'],
      );
      assert.equal(body.resource_type_associations[0].prefix, 'hw_');
      assert.deepEqual(body.properties.cores, {
        name: 'cores',
        title: 'Cores',
        type: 'integer',
        minimum: 1,
        default: 1,
      });
      assert.deepEqual([body.objects[0].name, body.objects[0].required], ['software', ['os']]);
      assert.deepEqual(body.tags, [{ name: 'fast' }]);
      const forImages = await as('reader', 'GET', `${N}/OS::Open?resource_type=OS::Glance::Image`);
      assert.deepEqual(Object.keys(forImages.body.properties), ['hw_cores']);
      const one = `${N}/OS::Open/properties/hw_cores?resource_type=OS::Glance::Image`;
      assert.equal((await as('reader', 'GET', one)).body.title, 'Cores');
    });

    test('lists what the caller may see, by filters and in pages', async () => {
      assert.deepEqual(await names(''), ['OS::Open', 'OS::Own']);
      assert.deepEqual(await names('', 'stranger'), ['OS::Open']);
      assert.deepEqual(await names('', 'admin'), ['OS::Open', 'OS::Own', 'OS::Secret']);
      assert.deepEqual(await names('visibility=private'), ['OS::Own']);
      assert.deepEqual(await names('resource_types=OS::Glance::Image,x', 'admin'), ['OS::Open']);
      assert.deepEqual(await names('marker=OS::Open'), ['OS::Own']);
      const first = await as('member', 'GET', `${N}?limit=1&sort_key=namespace&sort_dir=asc`);
      const second = await as('member', 'GET', first.body.next);
      assert.equal(second.body.namespaces[0].namespace, 'OS::Own');
      for (const bad of ['limit=x', 'sort_key=id', 'visibility=x', 'sort_dir=up'])
        assert.equal((await as('member', 'GET', `${N}?${bad}`)).status, 400, bad);
      for (const absent of ['marker=OS::Secret', 'marker=none'])
        assert.equal((await as('member', 'GET', `${N}?${absent}`)).status, 404, absent);
    });

    test('lets administrators alone write, and hides what is not theirs from others', async () => {
      const prop = { name: 'x', title: 'x', type: 'string' };
      for (const [method, path, body] of [
        ['PUT', '', { namespace: 'mine' }],
        ['DELETE', '', undefined],
        ['POST', '/resource_types', { name: 'x' }],
        ['POST', '/properties', prop],
        ['DELETE', '/properties', undefined],
        ['PUT', '/objects/software', { name: 'x' }],
        ['POST', '/tags', { tags: [] }],
        ['POST', '/tags/x', undefined],
      ] as const) {
        assert.equal(
          (await as('member', method, `${N}/OS::Open${path}`, body)).status,
          403,
          `${method} ${path}`,
        );
        assert.equal(
          (await as('member', method, `${N}/OS::Secret${path}`, body)).status,
          404,
          `${method} ${path}`,
        );
      }
      assert.equal((await as('member', 'POST', N, { namespace: 'mine' })).status, 403);
      assert.equal((await as('member', 'GET', `${N}/OS::Secret/objects`)).status, 404);
    });

    test('changes a namespace, also its name, and keeps what is in it', async () => {
      await write('POST', N, { namespace: 'before', tags: [{ name: 't' }] });
      const changed = await write('PUT', `${N}/before`, {
        namespace: 'after',
        description: 'new',
        visibility: 'public',
      });
      assert.deepEqual(
        [changed.status, changed.body.namespace, changed.body.description],
        [200, 'after', 'new'],
      );
      assert.equal((await write('GET', `${N}/before`)).status, 404);
      assert.deepEqual((await as('reader', 'GET', `${N}/after/tags`)).body.tags, [{ name: 't' }]);
      assert.equal((await write('PUT', `${N}/after`, { namespace: 'OS::Open' })).status, 409);
      assert.equal((await write('POST', N, { namespace: 'after' })).status, 409);
      assert.equal((await write('DELETE', `${N}/after`)).status, 204);
      assert.equal((await write('GET', `${N}/after/tags`)).status, 404);
    });

    test('keeps a protected namespace and what is in it', async () => {
      const at = `${N}/OS::Own`;
      assert.equal((await write('POST', `${at}/tags/t`)).status, 201);
      for (const path of ['', '/tags', '/tags/t', '/objects', '/resource_types/x'])
        assert.equal((await write('DELETE', at + path)).status, 403, path);
    });

    test('makes, renames and removes objects and properties', async () => {
      const at = `${N}/OS::Open`;
      for (const [collection, body, changed] of [
        ['objects', { name: 'o' }, { name: 'p', description: 'renamed' }],
        [
          'properties',
          { name: 'o', title: 'O', type: 'string', enum: ['a', 'b'] },
          { name: 'p', title: 'P', type: 'array', items: { type: 'string' } },
        ],
      ] as const) {
        const made = await write('POST', `${at}/${collection}`, body);
        assert.deepEqual([made.status, made.body.name], [201, 'o']);
        assert.equal((await write('POST', `${at}/${collection}`, body)).status, 409);
        const renamed = await write('PUT', `${at}/${collection}/o`, changed);
        assert.deepEqual([renamed.status, renamed.body.name], [200, 'p']);
        assert.equal((await as('reader', 'GET', `${at}/${collection}/o`)).status, 404);
        assert.equal((await as('reader', 'GET', `${at}/${collection}/p`)).status, 200);
        assert.equal((await write('DELETE', `${at}/${collection}/p`)).status, 204);
        assert.equal((await write('DELETE', `${at}/${collection}/p`)).status, 404);
        assert.equal((await write('PUT', `${at}/${collection}/p`, changed)).status, 404);
      }
      const { properties } = (await as('reader', 'GET', `${at}/properties`)).body;
      assert.deepEqual(Object.keys(properties), ['cores']);
      assert.equal((await write('DELETE', `${at}/properties`)).status, 204);
      assert.deepEqual((await as('reader', 'GET', `${at}/properties`)).body.properties, {});
    });

    test('makes tags one by one and many at once', async () => {
      const at = `${N}/OS::Open/tags`;
      const list = async (query = '') =>
        (await as('reader', 'GET', `${at}?sort_key=name&sort_dir=asc${query}`)).body.tags.map(
          (tag: { name: string }) => tag.name,
        );
      const many = { tags: [{ name: 'a' }, { name: 'b' }] };
      assert.equal((await write('POST', at, many)).status, 201);
      assert.deepEqual(await list(), ['a', 'b']);
      const more = { token: 'admin', headers: { 'x-openstack-append': 'True' } };
      assert.equal((await images.call('POST', at, { ...more, body: { tags: [{ name: 'c' }] } })).status, 201);
      assert.equal((await images.call('POST', at, { ...more, body: many })).status, 409);
      assert.deepEqual([await list(), await list('&marker=a&limit=1')], [['a', 'b', 'c'], ['b']]);
      assert.equal((await write('POST', `${at}/d`)).status, 201);
      assert.equal((await write('POST', `${at}/d`)).status, 409);
      assert.equal((await write('POST', `${at}/${'x'.repeat(81)}`)).status, 400);
      assert.equal((await write('PUT', `${at}/d`, { name: 'e' })).body.name, 'e');
      assert.equal((await write('DELETE', at)).status, 204);
      assert.deepEqual(await list(), []);
    });

    test('knows resource types, and learns new ones', async () => {
      const types = async () =>
        (await as('reader', 'GET', '/v2/metadefs/resource_types')).body.resource_types.map(
          (type: { name: string }) => type.name,
        );
      assert.ok((await types()).includes('OS::Nova::Server'));
      const at = `${N}/OS::Open/resource_types`;
      assert.equal((await write('POST', at, { name: 'OS::My::Thing', prefix: 'my_' })).status, 201);
      assert.equal((await write('POST', at, { name: 'OS::My::Thing' })).status, 409);
      assert.ok((await types()).includes('OS::My::Thing'));
      const { resource_type_associations } = (await as('reader', 'GET', at)).body;
      assert.deepEqual(
        resource_type_associations.map((each: { name: string }) => each.name),
        ['OS::Glance::Image', 'OS::My::Thing'],
      );
      assert.equal((await write('DELETE', `${at}/OS::My::Thing`)).status, 204);
      assert.equal((await write('DELETE', `${at}/OS::My::Thing`)).status, 404);
    });

    test('shows and empties what is in a namespace', async () => {
      const at = `${N}/full`;
      const fields = {
        objects: [{ name: 'o', properties: {} }],
        tags: [{ name: 't' }, { name: 'u' }],
      };
      await write('POST', N, { namespace: 'full', visibility: 'public', ...fields });
      const { objects } = (await as('reader', 'GET', `${at}/objects`)).body;
      assert.deepEqual(
        objects.map(({ name }: { name: string }) => name),
        ['o'],
      );
      assert.equal((await as('reader', 'GET', `${at}/tags/t`)).body.name, 't');
      assert.equal((await as('reader', 'DELETE', `${at}/tags/t`)).status, 403);
      assert.equal((await write('DELETE', `${at}/tags/t`)).status, 204);
      assert.equal((await write('GET', `${at}/tags/t`)).status, 404);
      assert.equal((await write('GET', `${at}/tags/u`)).status, 200);
      assert.equal((await as('reader', 'DELETE', `${at}/objects`)).status, 403);
      assert.equal((await write('DELETE', `${at}/objects`)).status, 204);
      assert.deepEqual((await as('reader', 'GET', `${at}/objects`)).body.objects, []);
      assert.equal((await write('DELETE', at)).status, 204);
    });

    test('refuses bodies that do not fit', async () => {
      for (const body of [
        {},
        { namespace: '' },
        { namespace: 'a/b' },
        { namespace: 'x'.repeat(81) },
        { namespace: 'a\0' },
        { namespace: 'a', colour: 'red' },
        { namespace: 'a', visibility: 'shared' },
        { namespace: 'a', protected: 'yes' },
        { namespace: 'a', properties: { x: { title: 'x' } } },
        { namespace: 'a', tags: [{ name: 'x' }, { name: 'x' }] },
      ])
        assert.ok([400, 409].includes((await write('POST', N, body)).status), JSON.stringify(body));
      assert.equal((await write('GET', `${N}/a`)).status, 404);
      for (const body of [
        { name: 'p', title: 'p', type: 'colour' },
        { name: 'p', type: 'string' },
        { title: 'p' },
      ])
        assert.equal((await write('POST', `${N}/OS::Open/properties`, body)).status, 400);
      assert.equal((await write('GET', `${N}/%00`)).status, 404);
    });

    test('publishes its schemas', async () => {
      const schema = async (name: string) =>
        (await as('reader', 'GET', `/v2/schemas/metadefs/${name}`)).body.name;
      assert.deepEqual(
        await Promise.all(['namespace', 'objects', 'property', 'tags', 'resource_type'].map(schema)),
        ['namespace', 'objects', 'property', 'tags', 'resource_type_association'],
      );
      assert.deepEqual(
        await Promise.all(['namespaces', 'object', 'properties', 'tag', 'resource_types'].map(schema)),
        ['namespaces', 'object', 'properties', 'tag', 'resource_type_associations'],
      );
    });
  });
}
