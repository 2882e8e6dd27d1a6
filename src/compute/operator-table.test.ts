// Flavors, limits and usage through the REST API: bodies by microversion, policies, refusals.
import { ENGINES } from '#test/support/engines.ts';
import { admin, at, operatorApi } from '#test/support/operator-api.ts';
import { OTHER_PROJECT, PROJECT } from '#test/support/service-harness.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

for (const engine of ENGINES)
  describe(`operator resources on ${engine}`, () => {
    const { api } = operatorApi(engine);

    describe('flavors', () => {
      test('lists the seeded ones, with links, pages and filters', async () => {
        const { body } = await api.call('GET', '/v2.1/flavors');
        assert.deepEqual(body.flavors.map((each: { name: string }) => each.name).toSorted(), [
          'm1.large',
          'm1.medium',
          'm1.micro',
          'm1.nano',
          'm1.small',
          'm1.tiny',
        ]);
        assert.deepEqual(Object.keys(body.flavors[0]).toSorted(), ['id', 'links', 'name']);
        const page = await api.call('GET', '/v2.1/flavors/detail?limit=2&sort_key=memory_mb&sort_dir=desc');
        assert.deepEqual(
          page.body.flavors.map((each: { name: string }) => each.name),
          ['m1.large', 'm1.medium'],
        );
        assert.match(page.body.flavors_links[0].href, /marker=3/);
        const next = await api.call('GET', '/v2.1/flavors?limit=2&sort_key=memory_mb&sort_dir=desc&marker=3');
        assert.equal(next.body.flavors[0].name, 'm1.small');
        assert.equal((await api.call('GET', '/v2.1/flavors?minRam=4096')).body.flavors.length, 2);
        for (const bad of ['minRam=x', 'limit=-1', 'sort_key=nonsense', 'marker=nonsense', 'is_public=maybe'])
          assert.equal((await api.call('GET', `/v2.1/flavors?${bad}`, at('2.1', 'admin'))).status, 400, bad);
        for (const odd of ['is_public=maybe', 'minRam=-1', 'minRam=x&minRam=1', 'page_size=1'])
          assert.equal((await api.call('GET', `/v2.1/flavors?${odd}`)).status, 200, odd);
        assert.equal((await api.call('GET', '/v2.1/flavors?page_size=1', at('2.75'))).status, 400);
      });

      test('shows each microversion its fields', async () => {
        const fields = async (version: string) =>
          (await api.call('GET', '/v2.1/flavors/42', at(version))).body.flavor;
        const first = await fields('2.1');
        assert.deepEqual(
          [
            first.swap,
            first.rxtx_factor,
            first['OS-FLV-EXT-DATA:ephemeral'],
            first['os-flavor-access:is_public'],
          ],
          ['', 1, 0, true],
        );
        assert.equal('description' in first, false);
        assert.equal((await fields('2.55')).description, null);
        assert.deepEqual((await fields('2.61')).extra_specs, {});
        assert.equal((await fields('2.75')).swap, 0);
      });

      test('creates, refuses duplicates and nonsense, hides private ones from others, removes', async () => {
        const body = {
          flavor: {
            name: 'big',
            id: 'auto',
            ram: '512',
            vcpus: 1,
            disk: 1,
            rxtx_factor: 1.5,
            'os-flavor-access:is_public': false,
          },
        };
        assert.equal((await api.call('POST', '/v2.1/flavors', { body })).status, 403);
        const made = await api.call('POST', '/v2.1/flavors', { ...admin(), body });
        assert.equal(made.status, 200);
        const { id, rxtx_factor } = made.body.flavor;
        assert.equal(rxtx_factor, 1.5);
        const again = await api.call('POST', '/v2.1/flavors', { ...admin(), body });
        assert.deepEqual(
          [again.status, again.body.conflictingRequest.message],
          [409, 'Flavor with name big already exists.'],
        );
        for (const bad of [
          { ...body.flavor, name: 'x', ram: 0 },
          { ...body.flavor, name: '' },
          { ...body.flavor, name: 'x', odd: 1 },
          { ...body.flavor, name: 'a'.repeat(256) },
        ])
          assert.equal(
            (await api.call('POST', '/v2.1/flavors', { ...admin(), body: { flavor: bad } })).status,
            400,
          );
        assert.equal((await api.call('GET', `/v2.1/flavors/${id}`)).status, 404);
        const access = await api.call('POST', `/v2.1/flavors/${id}/action`, {
          ...admin(),
          body: { addTenantAccess: { tenant: PROJECT } },
        });
        assert.deepEqual(access.body, { flavor_access: [{ flavor_id: id, tenant_id: PROJECT }] });
        assert.equal(
          (
            await api.call('POST', `/v2.1/flavors/${id}/action`, {
              ...admin(),
              body: { addTenantAccess: { tenant: PROJECT } },
            })
          ).status,
          409,
        );
        assert.equal((await api.call('GET', `/v2.1/flavors/${id}`)).status, 200);
        assert.equal((await api.call('GET', '/v2.1/flavors')).body.flavors.length, 7);
        assert.equal((await api.call('GET', '/v2.1/flavors', { token: 'stranger' })).body.flavors.length, 6);
        assert.equal((await api.call('GET', '/v2.1/flavors?is_public=None', admin())).body.flavors.length, 7);
        assert.equal((await api.call('GET', `/v2.1/flavors/42/os-flavor-access`, admin())).status, 404);
        const gone = await api.call('POST', `/v2.1/flavors/${id}/action`, {
          ...admin(),
          body: { removeTenantAccess: { tenant: PROJECT } },
        });
        assert.deepEqual(gone.body, { flavor_access: [] });
        assert.equal(
          (
            await api.call('PUT', `/v2.1/flavors/${id}`, {
              ...admin('2.54'),
              body: { flavor: { description: 'd' } },
            })
          ).status,
          404,
        );
        assert.equal(
          (
            await api.call('PUT', `/v2.1/flavors/${id}`, {
              ...admin('2.55'),
              body: { flavor: { description: 'd' } },
            })
          ).body.flavor.description,
          'd',
        );
        assert.equal((await api.call('DELETE', `/v2.1/flavors/${id}`, admin())).status, 202);
        assert.equal((await api.call('DELETE', `/v2.1/flavors/${id}`, admin())).status, 404);
      });

      test('keeps extra specs', async () => {
        const path = '/v2.1/flavors/84/os-extra_specs';
        assert.equal((await api.call('POST', path, { body: { extra_specs: { a: 'b' } } })).status, 403);
        assert.deepEqual(
          (await api.call('POST', path, { ...admin(), body: { extra_specs: { 'hw:x': 'y', n: 2 } } })).body,
          { extra_specs: { 'hw:x': 'y', n: '2' } },
        );
        assert.deepEqual((await api.call('PUT', `${path}/n`, { ...admin(), body: { n: '3' } })).body, {
          n: '3',
        });
        assert.equal((await api.call('PUT', `${path}/n`, { ...admin(), body: { m: '3' } })).status, 400);
        assert.deepEqual((await api.call('GET', path)).body, { extra_specs: { 'hw:x': 'y', n: '3' } });
        assert.deepEqual((await api.call('GET', `${path}/n`)).body, { n: '3' });
        assert.equal((await api.call('DELETE', `${path}/n`, admin())).status, 200);
        assert.equal((await api.call('GET', `${path}/n`)).status, 404);
        assert.equal(
          (
            await api.call('POST', path, {
              ...admin('2.86'),
              body: { extra_specs: { 'trait:CUSTOM_X': 'perhaps' } },
            })
          ).status,
          400,
        );
        assert.equal(
          (
            await api.call('POST', path, {
              ...admin('2.85'),
              body: { extra_specs: { 'trait:CUSTOM_X': 'perhaps' } },
            })
          ).status,
          200,
        );
      });
    });

    describe('limits', () => {
      test('are counted from the servers', async () => {
        const { body } = await api.call('GET', '/v2.1/limits');
        assert.deepEqual(body.limits.rate, []);
        const { maxTotalInstances, totalInstancesUsed, totalCoresUsed, totalRAMUsed, maxImageMeta } =
          body.limits.absolute;
        assert.deepEqual(
          [maxTotalInstances, totalInstancesUsed, totalCoresUsed, totalRAMUsed, maxImageMeta],
          [10, 2, 2, 4096, 128],
        );
        const newer = (await api.call('GET', '/v2.1/limits', at('2.57'))).body.limits.absolute;
        assert.deepEqual(
          ['maxImageMeta' in newer, 'maxPersonality' in newer, 'maxSecurityGroups' in newer],
          [false, false, false],
        );
        assert.equal((await api.call('GET', `/v2.1/limits?tenant_id=${OTHER_PROJECT}`)).status, 403);
        assert.equal(
          (await api.call('GET', `/v2.1/limits?tenant_id=${PROJECT}`, admin())).body.limits.absolute
            .totalInstancesUsed,
          2,
        );
      });

      test('can be set for a project and given back', async () => {
        const path = `/v2.1/os-quota-sets/${PROJECT}`;
        assert.equal((await api.call('GET', path)).body.quota_set.floating_ips, -1);
        assert.equal((await api.call('GET', path, { token: 'stranger' })).status, 403);
        assert.equal((await api.call('PUT', path, { body: { quota_set: { cores: 5 } } })).status, 403);
        const set = await api.call('PUT', path, { ...admin('2.57'), body: { quota_set: { cores: 5 } } });
        assert.deepEqual(set.body.quota_set, {
          instances: 10,
          cores: 5,
          ram: 51200,
          metadata_items: 128,
          key_pairs: 100,
          server_groups: 10,
          server_group_members: 10,
        });
        const low = await api.call('PUT', path, { ...admin(), body: { quota_set: { instances: 1 } } });
        assert.equal(low.status, 400);
        assert.match(low.body.badRequest.message, /greater than or equal to already used and reserved 2/);
        assert.equal(
          (await api.call('PUT', path, { ...admin(), body: { quota_set: { instances: 1, force: true } } }))
            .status,
          200,
        );
        assert.equal(
          (await api.call('PUT', path, { ...admin('2.57'), body: { quota_set: { injected_files: 1 } } }))
            .status,
          400,
        );
        assert.deepEqual((await api.call('GET', `${path}/detail`, at('2.57'))).body.quota_set.cores, {
          limit: 5,
          in_use: 2,
          reserved: 0,
        });
        assert.equal((await api.call('GET', `${path}/defaults`)).body.quota_set.cores, 20);
        assert.equal((await api.call('DELETE', path, admin())).status, 202);
        assert.equal((await api.call('GET', path)).body.quota_set.cores, 20);
      });

      test('of the default class hold for projects without their own', async () => {
        const path = '/v2.1/os-quota-class-sets/default';
        assert.equal((await api.call('GET', path)).status, 403);
        assert.equal('server_groups' in (await api.call('GET', path, admin())).body.quota_class_set, false);
        const set = await api.call('PUT', path, {
          ...admin('2.57'),
          body: { quota_class_set: { key_pairs: 7 } },
        });
        assert.equal(set.body.quota_class_set.key_pairs, 7);
        assert.equal((await api.call('GET', `/v2.1/os-quota-sets/${PROJECT}`)).body.quota_set.key_pairs, 7);
        await api.call('PUT', path, { ...admin(), body: { quota_class_set: { key_pairs: 100 } } });
      });
    });

    describe('usage', () => {
      test('sums hours of servers, own project only unless an administrator asks', async () => {
        const { body } = await api.call('GET', `/v2.1/os-simple-tenant-usage/${PROJECT}`);
        assert.equal(body.tenant_usage.server_usages.length, 2);
        assert.ok(Math.abs(body.tenant_usage.total_hours - 2) < 0.1);
        assert.ok(Math.abs(body.tenant_usage.total_memory_mb_usage - 4096) < 100);
        assert.equal((await api.call('GET', `/v2.1/os-simple-tenant-usage/${OTHER_PROJECT}`)).status, 403);
        assert.equal((await api.call('GET', '/v2.1/os-simple-tenant-usage')).status, 403);
        assert.deepEqual(
          (await api.call('GET', `/v2.1/os-simple-tenant-usage/${OTHER_PROJECT}`, admin())).body,
          {
            tenant_usage: {},
          },
        );
        const all = await api.call('GET', '/v2.1/os-simple-tenant-usage?detailed=0', admin());
        assert.equal(all.body.tenant_usages[0].tenant_id, PROJECT);
        assert.equal('server_usages' in all.body.tenant_usages[0], false);
        assert.equal(
          (await api.call('GET', '/v2.1/os-simple-tenant-usage?start=nonsense', admin())).status,
          400,
        );
      });

      test('pages by server from 2.40 on', async () => {
        const first = await api.call('GET', `/v2.1/os-simple-tenant-usage/${PROJECT}?limit=1`, at('2.40'));
        assert.equal(first.body.tenant_usage.server_usages.length, 1);
        const query = new URL(first.body.tenant_usage_links[0].href).search;
        const second = await api.call('GET', `/v2.1/os-simple-tenant-usage/${PROJECT}${query}`, at('2.40'));
        assert.equal(second.body.tenant_usage.server_usages.length, 1);
        assert.notEqual(
          second.body.tenant_usage.server_usages[0].instance_id,
          first.body.tenant_usage.server_usages[0].instance_id,
        );
      });
    });
  });
