// The limits of a project: how many images, how much data, and how much of it on its way.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ENGINES, urlOf } from '#test/support/engines.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { until } from '#test/support/until.ts';

const RAW = { disk_format: 'raw', container_format: 'bare' };
const MIB = 1 << 20;

for (const engine of ENGINES) {
  describe(`on ${engine}`, () => {
    let images: ImageHarness;
    before(async () => {
      const quotas = {
        image_size_total: 2,
        image_stage_total: 1,
        image_count_total: 4,
        image_count_uploading: 2,
      };
      const stores = [
        { id: 'file', kind: 'file' },
        { id: 'cold', kind: 'file' },
      ];
      images = await startImages({ quotas, stores }, { databaseUrl: await urlOf(engine) });
    });
    after(async () => images[Symbol.asyncDispose]());

    const send = async (id: string, what: string, bytes: number) =>
      images.call('PUT', `/v2/images/${id}/${what}`, { raw: Buffer.alloc(bytes) });
    const usage = async () => {
      const { body } = await images.call('GET', '/v2/info/usage');
      return Object.fromEntries(
        Object.entries(body.usage as Record<string, { usage: number }>).map(([name, each]) => [
          name,
          each.usage,
        ]),
      );
    };

    test('counts images, data in each store, and what is staged', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 4; n++) {
        const made = await images.call('POST', '/v2/images', { body: RAW });
        assert.equal(made.status, 201);
        ids.push(made.body.id);
      }
      const [a = '', b = '', c = '', d = ''] = ids;
      const over = await images.call('POST', '/v2/images', { body: RAW });
      assert.equal(over.status, 413);
      assert.match(over.body.message, /image_count_total is 4/);
      assert.equal((await images.call('POST', '/v2/images', { body: RAW, token: 'stranger' })).status, 201);

      assert.equal((await send(a, 'file', MIB + 1)).status, 204);
      const large = await send(b, 'file', MIB);
      assert.equal(large.status, 413);
      assert.match(large.body.message, /image_size_total is 2 MiB/);
      assert.equal((await images.call('GET', `/v2/images/${b}`)).body.status, 'queued');

      assert.equal((await send(b, 'stage', MIB + 1)).status, 413);
      assert.equal((await send(b, 'stage', MIB / 2)).status, 204);
      assert.equal((await send(c, 'stage', MIB / 2 + 1)).status, 413);
      assert.equal((await send(c, 'stage', 1)).status, 204);
      assert.equal((await send(d, 'stage', 1)).status, 413, 'two are uploading');
      assert.deepEqual(await usage(), {
        image_size_total: 2,
        image_stage_total: 1,
        image_count_total: 4,
        image_count_uploading: 2,
      });

      const begin = async (id: string, more: object) =>
        images.call('POST', `/v2/images/${id}/import`, {
          body: { method: { name: 'glance-direct' }, ...more },
        });
      assert.equal((await begin(b, { all_stores: true })).status, 413, 'twice the data does not fit');
      assert.equal((await begin(b, {})).status, 202);
      const active = async () => (await images.call('GET', `/v2/images/${b}`)).body.status === 'active';
      await until(active, { deadlineMs: 30_000, what: 'the import' });
      const copy = { method: { name: 'copy-image' }, stores: ['cold'] };
      const copied = await images.call('POST', `/v2/images/${a}/import`, { body: copy, token: 'admin' });
      assert.equal(copied.status, 413);
      assert.equal((await images.call('DELETE', `/v2/images/${a}`)).status, 204);
      assert.equal((await usage())['image_count_total'], 3);
      assert.equal((await send(d, 'file', MIB)).status, 204);
    });
  });
}
