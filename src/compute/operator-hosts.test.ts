// Hypervisors, services, aggregates and zones through the REST API: bodies by microversion, policies, refusals.
import { ENGINES } from '#test/support/engines.ts';
import { admin, NODE, SERVICE, operatorApi } from '#test/support/operator-api.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

for (const engine of ENGINES)
  describe(`operator resources on ${engine}`, () => {
    const { api, db } = operatorApi(engine);

    /** The host says since when it is up, or does not. */
    const booted = async (at: string | undefined): Promise<void> => {
      const node = await db().kysely.selectFrom('compute_nodes').selectAll().executeTakeFirstOrThrow();
      const { booted_at: _old, ...report } = JSON.parse(node.report_json) as Record<string, unknown>;
      const report_json = JSON.stringify(at === undefined ? report : { ...report, booted_at: at });
      await db().kysely.updateTable('compute_nodes').set({ report_json }).where('id', '=', node.id).execute();
    };

    describe('hosts', () => {
      test('hypervisors in the shapes of 2.1, 2.53 and 2.88', async () => {
        assert.equal((await api.call('GET', '/v2.1/os-hypervisors')).status, 403);
        const [old] = (await api.call('GET', '/v2.1/os-hypervisors/detail', admin())).body.hypervisors;
        assert.deepEqual(
          [
            old.id,
            old.hypervisor_hostname,
            old.state,
            old.status,
            old.vcpus_used,
            old.memory_mb_used,
            old.running_vms,
          ],
          [1, 'h1.local', 'up', 'enabled', 2, 4608, 2],
        );
        assert.equal(old.cpu_info, '{"arch":"x86_64"}');
        const shown = (await api.call('GET', `/v2.1/os-hypervisors/${NODE}?with_servers=true`, admin('2.53')))
          .body.hypervisor;
        assert.deepEqual(
          [shown.id, shown.service.id, shown.servers.length, shown.cpu_info.arch],
          [NODE, SERVICE, 2, 'x86_64'],
        );
        const lean = (await api.call('GET', `/v2.1/os-hypervisors/${NODE}`, admin('2.88'))).body.hypervisor;
        assert.deepEqual(Object.keys(lean).toSorted(), [
          'host_ip',
          'hypervisor_hostname',
          'hypervisor_type',
          'hypervisor_version',
          'id',
          'service',
          'state',
          'status',
          'uptime',
        ]);
        assert.equal(
          (await api.call('GET', '/v2.1/os-hypervisors/statistics', admin())).body.hypervisor_statistics
            .running_vms,
          2,
        );
        assert.equal((await api.call('GET', '/v2.1/os-hypervisors/statistics', admin('2.88'))).status, 404);
        assert.equal(
          (await api.call('GET', '/v2.1/os-hypervisors/h1/servers', admin())).body.hypervisors[0].servers
            .length,
          2,
        );
        assert.equal((await api.call('GET', '/v2.1/os-hypervisors/zz/search', admin())).status, 404);
        assert.equal((await api.call('GET', '/v2.1/os-hypervisors/1/uptime', admin())).status, 501);
        await booted(new Date(Date.now() - 90 * 60_000).toISOString());
        const up = await api.call('GET', '/v2.1/os-hypervisors/1/uptime', admin());
        assert.match(up.body.hypervisor.uptime, /^ \d\d:\d\d:\d\d up +1:30$/);
        await booted(undefined);
        assert.equal(
          (await api.call('GET', '/v2.1/os-hypervisors?hypervisor_hostname_pattern=zz', admin('2.53')))
            .status,
          404,
        );
      });

      test('services are listed, disabled, forced down, and kept while they have servers', async () => {
        assert.equal((await api.call('GET', '/v2.1/os-services')).status, 403);
        const list = async (version: string) =>
          (await api.call('GET', '/v2.1/os-services?binary=nova-compute', admin(version))).body.services[0];
        assert.deepEqual(
          [(await list('2.1')).id, (await list('2.53')).id, 'forced_down' in (await list('2.10'))],
          [1, SERVICE, false],
        );
        const by = { host: 'h1', binary: 'nova-compute' };
        const off = await api.call('PUT', '/v2.1/os-services/disable-log-reason', {
          ...admin(),
          body: { ...by, disabled_reason: 'why' },
        });
        assert.deepEqual(off.body, { service: { ...by, status: 'disabled', disabled_reason: 'why' } });
        assert.deepEqual(
          [(await list('2.11')).status, (await list('2.11')).disabled_reason],
          ['disabled', 'why'],
        );
        await api.call('PUT', '/v2.1/os-services/enable', { ...admin(), body: by });
        await api.call('PUT', '/v2.1/os-services/force-down', {
          ...admin('2.11'),
          body: { ...by, forced_down: true },
        });
        assert.equal((await list('2.11')).state, 'down');
        const up = await api.call('PUT', `/v2.1/os-services/${SERVICE}`, {
          ...admin('2.53'),
          body: { status: 'enabled', forced_down: false },
        });
        assert.deepEqual([up.body.service.state, up.body.service.forced_down], ['up', false]);
        assert.equal(
          (await api.call('PUT', '/v2.1/os-services/enable', { ...admin('2.53'), body: by })).status,
          404,
        );
        assert.equal(
          (await api.call('PUT', '/v2.1/os-services/enable', { ...admin(), body: { ...by, host: 'zz' } }))
            .status,
          404,
        );
        assert.equal((await api.call('DELETE', `/v2.1/os-services/${SERVICE}`, admin('2.53'))).status, 409);
        const idle = 'bbbbbbbb-0000-4000-8000-000000000002';
        const kept = await db().kysely.selectFrom('compute_services').selectAll().executeTakeFirstOrThrow();
        await db()
          .kysely.insertInto('compute_services')
          .values({ ...kept, id: idle, host: 'idle' })
          .execute();
        assert.equal(
          (await api.call('DELETE', `/v2.1/os-services/${idle}`, { token: 'member' })).status,
          403,
        );
        assert.equal((await api.call('DELETE', `/v2.1/os-services/${idle}`, admin('2.53'))).status, 204);
        assert.equal((await api.call('DELETE', `/v2.1/os-services/${idle}`, admin('2.53'))).status, 404);
      });

      test('aggregates group hosts and reach placement', async () => {
        const made = await api.call('POST', '/v2.1/os-aggregates', {
          ...admin('2.41'),
          body: { aggregate: { name: 'fast' } },
        });
        const { id, uuid } = made.body.aggregate;
        assert.equal('hosts' in made.body.aggregate, false);
        assert.equal(
          (
            await api.call('POST', '/v2.1/os-aggregates', {
              ...admin(),
              body: { aggregate: { name: 'fast' } },
            })
          ).status,
          409,
        );
        assert.equal(
          (await api.call('POST', '/v2.1/os-aggregates', { body: { aggregate: { name: 'x' } } })).status,
          403,
        );
        const path = `/v2.1/os-aggregates/${id}`;
        const act = async (body: unknown) => api.call('POST', `${path}/action`, { ...admin(), body });
        assert.equal((await act({ add_host: { host: 'zz' } })).status, 404);
        assert.deepEqual((await act({ add_host: { host: 'h1' } })).body.aggregate.hosts, ['h1']);
        assert.equal((await act({ add_host: { host: 'h1' } })).status, 409);
        const image = { id: '70a599e0-31e7-49b7-b260-868f441e862b' };
        const cache = async (images: readonly object[], caller = admin('2.81')): Promise<number> =>
          (await api.call('POST', `/v2.1/os-aggregates/${id}/images`, { ...caller, body: { cache: images } }))
            .status;
        assert.equal(await cache([image]), 202);
        assert.equal(await cache([image, image]), 400);
        assert.equal(await cache([]), 400);
        assert.equal(await cache([image], admin('2.80')), 404);
        const kept = await db().kysely.selectFrom('outbox').select('method').execute();
        assert.deepEqual(
          kept.filter(({ method }) => method === 'cacheImages'),
          [{ method: 'cacheImages' }],
          'one host, asked once',
        );
        const rows = await db()
          .kysely.selectFrom('provider_aggregates' as never)
          .selectAll()
          .execute();
        assert.deepEqual(
          rows.map((row) => ({ ...(row as object) })),
          [{ provider_id: NODE, aggregate_id: uuid }],
        );
        assert.deepEqual(
          (await act({ set_metadata: { metadata: { ssd: 'true', x: 'y' } } })).body.aggregate.metadata,
          { ssd: 'true', x: 'y' },
        );
        assert.deepEqual((await act({ set_metadata: { metadata: { x: null } } })).body.aggregate.metadata, {
          ssd: 'true',
        });
        assert.equal(
          (await act({ set_metadata: { metadata: { availability_zone: 'east' } } })).status,
          409,
          'servers would change their zone',
        );
        assert.equal((await api.call('DELETE', path, admin())).status, 400);
        assert.deepEqual((await act({ remove_host: { host: 'h1' } })).body.aggregate.hosts, []);
        assert.equal(
          (await api.call('PUT', path, { ...admin(), body: { aggregate: { availability_zone: 'east' } } }))
            .body.aggregate.availability_zone,
          'east',
        );
        assert.equal((await api.call('DELETE', path, admin())).status, 200);
        assert.equal((await api.call('GET', path, admin())).status, 404);
      });

      test('zones for everybody, their hosts for administrators', async () => {
        assert.deepEqual((await api.call('GET', '/v2.1/os-availability-zone')).body, {
          availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true }, hosts: null }],
        });
        assert.equal((await api.call('GET', '/v2.1/os-availability-zone/detail')).status, 403);
        const [zone] = (await api.call('GET', '/v2.1/os-availability-zone/detail', admin())).body
          .availabilityZoneInfo;
        assert.equal(zone.hosts.h1['nova-compute'].active, true);
      });

      test('hosts by service and zone, and what one has, until 2.42', async () => {
        assert.equal((await api.call('GET', '/v2.1/os-hosts')).status, 403);
        const { hosts } = (await api.call('GET', '/v2.1/os-hosts', admin())).body;
        const h1 = hosts.find((each: { host_name: string }) => each.host_name === 'h1');
        assert.equal(h1.service, 'compute');
        const inZone = async (zone: string) =>
          (await api.call('GET', `/v2.1/os-hosts?zone=${zone}`, admin())).body.hosts;
        assert.deepEqual(await inZone(''), hosts);
        assert.ok(
          (await inZone(h1.zone)).some((each: unknown) => JSON.stringify(each) === JSON.stringify(h1)),
        );
        assert.deepEqual(await inZone('zz'), []);
        const { host } = (await api.call('GET', '/v2.1/os-hosts/h1', admin())).body;
        const of = (project: string) =>
          host.find((each: { resource: { project: string } }) => each.resource.project === project).resource;
        assert.deepEqual([of('(used_now)').cpu, of('(used_now)').memory_mb], [2, 4608]);
        assert.deepEqual([of('(used_max)').memory_mb, of('(total)').host], [4096, 'h1']);
        assert.equal((await api.call('GET', '/v2.1/os-hosts/zz', admin())).status, 404);
        assert.equal((await api.call('GET', '/v2.1/os-hosts', admin('2.43'))).status, 404);
        const put = async (name: string, body: unknown) =>
          api.call('PUT', `/v2.1/os-hosts/${name}`, { ...admin(), body });
        assert.deepEqual((await put('h1', { status: 'Disable' })).body, { host: 'h1', status: 'disabled' });
        assert.deepEqual((await put('h1', { status: 'enable' })).body, { host: 'h1', status: 'enabled' });
        assert.equal((await put('zz', { status: 'enable' })).status, 404);
        for (const wrong of [{}, { status: 'off' }, { more: 1 }])
          assert.equal((await put('h1', wrong)).status, 400);
        assert.equal((await put('h1', { maintenance_mode: 'enable' })).status, 501);
        assert.equal((await api.call('GET', '/v2.1/os-hosts/h1/reboot', admin())).status, 501);
        assert.equal((await api.call('GET', '/v2.1/os-hosts/zz/reboot', admin())).status, 404);
      });
      test('no migrations, and the extensions that there are', async () => {
        assert.deepEqual((await api.call('GET', '/v2.1/os-migrations', admin())).body, { migrations: [] });
        assert.equal(
          (await api.call('GET', '/v2.1/extensions/os-keypairs')).body.extension.alias,
          'os-keypairs',
        );
        assert.equal((await api.call('GET', '/v2.1/extensions/zz')).status, 404);
      });
    });
  });
