// Flavors, limits, usage, hosts through the REST API: bodies by microversion, policies, refusals.
import { outboxMigration } from '#platform/bus/outbox.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import { sagaMigration } from '#platform/saga/sql-log.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { ensureHostProvider } from '#placement/claim.ts';
import { migratePlacement } from '#placement/migrate.ts';
import { urlOf, ENGINES } from '#test/support/engines.ts';
import { mountForTest, PROJECT, OTHER_PROJECT, type Mounted } from '#test/support/service-harness.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_COMPUTE_CONFIG } from './config.ts';
import type { ComputeDatabase, ComputeDeps } from './deps.ts';
import { renderComputeFault } from './faults.ts';
import { seedFlavors } from './flavors/seed.ts';
import { computeMigration } from './migrations/001-compute.ts';
import { operatorPolicies, operatorRoutes } from './operator-table.ts';
import type { HostReport } from './rpc.ts';
import type { ComputeTables, InstanceRow } from './tables.ts';

for (const engine of ENGINES)
  describe(`operator resources on ${engine}`, () => {
    let db: ComputeDatabase;
    let api: Mounted;
    const NODE = 'aaaaaaaa-0000-4000-8000-000000000001';
    const SERVICE = 'bbbbbbbb-0000-4000-8000-000000000001';

    before(async () => {
      db = openDatabase<ComputeTables>(await urlOf(engine));
      await migrate(db, 'compute', [outboxMigration, sagaMigration, computeMigration]);
      await migratePlacement(db);
      await seedFlavors(db);
      await seedFlavors(db);
      const enforcer = new Enforcer(operatorPolicies);
      const unused = (): never => assert.fail('no other service is needed');
      const deps = {
    db, bus: createInProcessBus(), clock: systemClock, enforcer, log: silentLog, config: DEFAULT_COMPUTE_CONFIG, region: 'r',
    image: undefined as never, network: undefined as never, peer: unused, serviceToken: unused,
  } satisfies ComputeDeps; // prettier-ignore
      api = await mountForTest<ComputeDeps>({
    name: 'compute', prefix: '/compute', routes: operatorRoutes, deps, enforcer, renderFault: renderComputeFault,
    microversions: { serviceType: 'compute', min: '2.1', max: '2.93', legacyHeader: 'X-OpenStack-Nova-API-Version' },
  }); // prettier-ignore
      await host();
      for (let i = 0; i < 2; i++) await server(`s${i}`);
    });
    after(async () => {
      await api.app.close();
      await db[Symbol.asyncDispose]();
    });

    async function host(): Promise<void> {
      const now = new Date().toISOString();
      const report: HostReport = {
    host: 'h1', hypervisor_hostname: 'h1.local', hypervisor_type: 'QEMU', hypervisor_version: 7002000, host_ip: '127.0.0.1', vcpus: 4, memory_mb: 8192,
    local_gb: 100, cpu_info: { arch: 'x86_64' }, traits: [], supported_instances: [], simulated: true,
  }; // prettier-ignore
      const {
        hypervisor_hostname,
        hypervisor_type,
        hypervisor_version,
        host_ip,
        vcpus,
        memory_mb,
        local_gb,
      } = report;
      await db.transaction(async (trx) => {
        const facts = { host: 'h1', created_at: now, updated_at: now };
        await trx
          .insertInto('compute_nodes')
          .values({
            id: NODE,
            ...facts,
            hypervisor_hostname,
            hypervisor_type,
            hypervisor_version,
            host_ip,
            vcpus,
            memory_mb,
            local_gb,
            report_json: JSON.stringify(report),
          })
          .execute();
        await trx
          .insertInto('compute_services')
          .values({
            id: SERVICE,
            ...facts,
            binary: 'nova-compute',
            disabled: 0,
            disabled_reason: null,
            forced_down: 0,
            last_seen_at: now,
          })
          .execute();
        await ensureHostProvider(trx, NODE, report);
      });
    }

    async function server(name: string): Promise<void> {
      const flavor = {
        id: '2',
        name: 'm1.small',
        vcpus: 1,
        ram: 2048,
        disk: 20,
        ephemeral: 0,
        swap: 0,
        rxtx_factor: 1,
        extra_specs: {},
      };
      const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
      const row: InstanceRow = {
    id: crypto.randomUUID(), project_id: PROJECT, user_id: 'user-member', name, description: null, hostname: name, vm_state: 'active', task_state: null,
    power_state: 1, host: 'h1', node: 'h1.local', availability_zone: 'nova', requested_zone: null, requested_host: null, flavor_id: '2',
    flavor_json: JSON.stringify(flavor), image_id: 'i', kernel_id: null, ramdisk_id: null, image_json: '{}', root_device_name: '/dev/vda',
    key_name: null, public_key: null, key_type: null, user_data: null, config_drive: 0, admin_password: null, metadata_json: '{}',
    system_metadata_json: '{}', scheduler_hints_json: '{}', server_group_id: null, networks_json: '"none"', security_groups_json: '[]',
    vifs_json: '[]', disk_config: 'MANUAL', access_ip_v4: null, access_ip_v6: null, locked: 0, locked_reason: null, locked_by: null,
    progress: 100, fault_json: null, reservation_id: 'r', launch_index: 0, created_at: hourAgo, updated_at: null, launched_at: hourAgo,
    terminated_at: null, deleted: 0, deleted_at: null,
  }; // prettier-ignore
      await db.kysely.insertInto('instances').values(row).execute();
    }

    const at = (version: string, token = 'member') => ({
      token,
      headers: { 'openstack-api-version': `compute ${version}` },
    });
    const admin = (version = '2.1') => at(version, 'admin');

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
        const rows = await (db as unknown as typeof db).kysely
          .selectFrom('provider_aggregates' as never)
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
