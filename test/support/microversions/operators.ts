// Rows of compute's microversions about hosts, services, usage, strict queries and the protocol itself.
import assert from 'node:assert/strict';
import { has, message, statuses, strictQuery, type Row } from './row.ts';
import type { Client } from './world.ts';

const names = (text: string): string[] => text.split(' ');

export const operatorRows: readonly Row[] = [
  {
    version: '2.11',
    change: 'forced_down of services',
    proof: 'steps',
    once: true,
    check: async (step) => {
      const list = async (client: Client) =>
        (await client.get('/os-services?binary=nova-compute', 'admin')).services[0];
      assert.equal('forced_down' in (await list(step.below)), false);
      const { host, forced_down } = await list(step.from);
      assert.equal(forced_down, false);
      const body = { host, binary: 'nova-compute', forced_down: false };
      await statuses(step, [404, 200], 'PUT', '/os-services/force-down', body, 'admin');
    },
  },
  {
    version: '2.27',
    change: 'the header OpenStack-API-Version beside the older one',
    proof: 'steps',
    check: async ({ below, from }) => {
      for (const client of [below, from]) {
        const { headers } = await client.send('GET', '/servers');
        assert.equal(headers.get('openstack-api-version'), `compute 2.${client.minor}`);
        assert.equal(headers.get('x-openstack-nova-api-version'), `2.${client.minor}`);
        assert.match(headers.get('vary') ?? '', /OpenStack-API-Version.*X-OpenStack-Nova-API-Version/i);
      }
    },
  },
  {
    version: '2.43',
    change: 'os-hosts goes',
    proof: 'steps',
    check: async (step) => {
      await statuses(step, [200, 404], 'GET', '/os-hosts', undefined, 'admin');
      await statuses(step, [400, 404], 'PUT', '/os-hosts/nowhere', {}, 'admin');
      for (const act of ['', '/startup', '/shutdown', '/reboot'])
        await statuses(step, [404, 404], 'GET', `/os-hosts/nowhere${act}`, undefined, 'admin');
    },
  },
  {
    version: '2.28',
    change: 'cpu_info as an object',
    proof: 'steps',
    once: true,
    check: async ({ below, from }) => {
      const info = async (client: Client) =>
        typeof (await client.get('/os-hypervisors/detail', 'admin')).hypervisors[0].cpu_info;
      assert.deepEqual([await info(below), await info(from)], ['string', 'object']);
    },
  },
  {
    version: '2.31',
    change: 'console tokens of every type can be looked up (before: of RDP, which is not here)',
    proof: 'steps',
    check: async (step) => {
      const body = { remote_console: { protocol: 'vnc', type: 'novnc' } };
      const path = `/servers/${step.world.server}/remote-consoles`;
      const { url } = (await step.world.at(30).send('POST', path, body)).body.remote_console;
      const token = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(decodeURIComponent(url))?.[0];
      await statuses(step, [401, 200], 'GET', `/os-console-auth-tokens/${token}`, undefined, 'admin');
      await statuses(step, [404, 404], 'GET', '/os-console-auth-tokens/none', undefined, 'admin');
    },
  },
  {
    version: '2.40',
    change: 'usage is paged',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      for (const path of [
        '/os-simple-tenant-usage?detailed=1',
        `/os-simple-tenant-usage/${world.project}?`,
      ]) {
        const links = async (client: Client) =>
          has(await client.get(`${path}&limit=1`, 'admin'), 'tenant_usages_links', 'tenant_usage_links')
            .length;
        assert.deepEqual([await links(below), await links(from)], [0, 1], path);
      }
      const odd = '/os-simple-tenant-usage?marker=nobody';
      assert.equal((await below.send('GET', odd, undefined, 'admin')).status, 200);
      assert.equal((await from.send('GET', odd, undefined, 'admin')).status, 400);
    },
  },
  {
    version: '2.41',
    change: 'uuid of aggregates',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const aggregate = { name: world.unique('aggregate') };
      const made = (await from.send('POST', '/os-aggregates', { aggregate }, 'admin')).body.aggregate;
      const at = async (client: Client) => (await client.get(`/os-aggregates/${made.id}`, 'admin')).aggregate;
      assert.deepEqual(['uuid' in (await at(below)), (await at(from)).uuid], [false, made.uuid]);
      await from.send('DELETE', `/os-aggregates/${made.id}`, undefined, 'admin');
    },
  },
  {
    version: '2.46',
    change: 'X-OpenStack-Request-ID beside X-Compute-Request-ID (at every version, as the field does)',
    proof: 'steps',
    check: async ({ below, from }) => {
      for (const client of [below, from])
        for (const path of ['/servers', '/servers/none']) {
          const { headers } = await client.send('GET', path);
          assert.match(headers.get('x-openstack-request-id') ?? '', /^req-/);
          assert.equal(headers.get('x-compute-request-id'), headers.get('x-openstack-request-id'));
        }
    },
  },
  {
    version: '2.53',
    change: 'services and hypervisors by UUID; their list takes over search and servers; a strict query',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      // The one that has a server, so that it can't go.
      const { 'OS-EXT-SRV-ATTR:host': on } = await world.settled(world.server);
      const service = async (client: Client) =>
        (await client.get(`/os-services?binary=nova-compute&host=${on}`, 'admin')).services[0];
      const [{ id: number, host }, { id: uuid }] = [await service(below), await service(from)];
      assert.deepEqual([typeof number, /^[0-9a-f-]{36}$/.test(uuid)], ['number', true]);
      const name = { host, binary: 'nova-compute' };
      for (const word of ['disable', 'enable'])
        await statuses(step, [200, 404], 'PUT', `/os-services/${word}`, name, 'admin');
      await statuses(step, [404, 200], 'PUT', `/os-services/${uuid}`, { status: 'enabled' }, 'admin');
      await statuses(step, [400, 409], 'DELETE', `/os-services/${uuid}`, undefined, 'admin');
      const node = async (client: Client) => (await client.get('/os-hypervisors', 'admin')).hypervisors[0];
      const [old, now] = [await node(below), await node(from)];
      assert.deepEqual([typeof old.id, /^[0-9a-f-]{36}$/.test(now.id)], ['number', true]);
      const { hypervisor_hostname } = now;
      for (const word of ['search', 'servers'])
        await statuses(
          step,
          [200, 404],
          'GET',
          `/os-hypervisors/${hypervisor_hostname}/${word}`,
          undefined,
          'admin',
        );
      await statuses(step, [404, 200], 'GET', `/os-hypervisors/${now.id}`, undefined, 'admin');
      await statuses(step, [200, 400], 'GET', `/os-hypervisors/${old.id}`, undefined, 'admin');
      await statuses(
        step,
        [200, 404],
        'GET',
        '/os-hypervisors?hypervisor_hostname_pattern=nobody',
        undefined,
        'admin',
      );
      const servers = async (client: Client) => {
        const { hypervisors } = await client.get('/os-hypervisors?with_servers=true', 'admin');
        return hypervisors.some(({ servers: own }: { servers?: unknown[] }) => (own ?? []).length > 0);
      };
      assert.deepEqual([await servers(below), await servers(from)], [false, true]);
      await strictQuery(step, '/os-hypervisors', 'admin');
      await strictQuery(step, '/os-hypervisors/detail', 'admin');
      assert.equal(
        (await from.send('GET', '/os-hypervisors?with_servers=odd', undefined, 'admin')).status,
        400,
      );
    },
  },
  {
    version: '2.56',
    change: 'a migration may name its host',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      // One in error is not moved anywhere, so that what is read of the body shows without a move.
      const wrong = { migrate: { host: 'not/a host' } };
      assert.match(message(await from.act(world.failed, wrong)), /host/);
      assert.match(message(await below.act(world.failed, wrong)), /Cannot 'migrate'/);
      const known = await from.act(world.server, { migrate: { host: 'nowhere' } });
      assert.match(message(known), /host nowhere could not be found/);
    },
  },
  {
    version: '2.59',
    change: 'migrations are paged and filtered by time; a strict query',
    proof: 'steps',
    check: async (step) => {
      await strictQuery(step, '/os-migrations', 'admin');
      await statuses(step, [200, 400], 'GET', '/os-migrations?marker=nobody', undefined, 'admin');
      const since = async (year: number) =>
        step.from.get(`/os-migrations?limit=1&changes-since=${year}-01-01T00:00:00Z`, 'admin');
      const { migrations, migrations_links } = await since(2001); // of the rows of live migrations
      assert.equal(migrations.length, 1);
      assert.match(migrations_links[0].href, new RegExp(`marker=${migrations[0].uuid}`));
      assert.deepEqual(await since(2999), { migrations: [] });
      assert.equal('uuid' in (await step.below.get('/os-migrations', 'admin')).migrations[0], false);
    },
  },
  {
    version: '2.75',
    change: 'strict queries; whole answers to changes; swap 0; servers of empty hypervisors',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      for (const path of names(
        '/servers /servers/detail /flavors /flavors/detail /limits /os-keypairs /os-keypairs/k /os-server-groups',
      ))
        await strictQuery(step, path);
      const own = `/os-quota-sets/${world.project}`;
      for (const path of [
        '/os-services',
        '/os-simple-tenant-usage',
        `/os-simple-tenant-usage/${world.project}`,
        own,
        `${own}/detail`,
      ])
        await strictQuery(step, path, 'admin');
      await statuses(step, [200, 400], 'GET', '/servers?sort_key=vcpus');
      const whole = names(
        'OS-EXT-AZ:availability_zone config_drive key_name OS-SRV-USG:launched_at OS-EXT-STS:vm_state security_groups os-extended-volumes:volumes_attached',
      );
      const put = async (client: Client) =>
        (await client.send('PUT', `/servers/${world.server}`, { server: { name: 'seen' } })).body.server;
      const [old, now] = [await put(below), await put(from)];
      assert.deepEqual([has(old, ...whole), has(now, ...whole)], [[], whole]);
      const addressOf = (server: typeof now) =>
        Object.values(server.addresses as Record<string, object[]>)[0]![0]!;
      assert.equal('OS-EXT-IPS:type' in addressOf(old), false);
      assert.equal('OS-EXT-IPS:type' in addressOf(now), true);
      const swap = async (client: Client) => (await client.get(`/flavors/${world.flavor}`)).flavor.swap;
      assert.deepEqual([await swap(below), await swap(from)], ['', 0]);
    },
  },
  {
    version: '2.80',
    change: 'user_id and project_id of migrations',
    proof: 'steps',
    check: async (step) => {
      const path = '/os-migrations?user_id=u&project_id=p';
      if (step.below.minor >= 59) await statuses(step, [400, 200], 'GET', path, undefined, 'admin');
      assert.deepEqual((await step.from.get(path, 'admin')).migrations, []);
    },
  },
  {
    version: '2.81',
    change: 'images cached by aggregate',
    proof: 'steps',
    check: async (step) => {
      const top = step.world.at(93);
      const name = step.world.unique('cached');
      const made = await top.send('POST', '/os-aggregates', { aggregate: { name } }, 'admin');
      const path = `/os-aggregates/${made.body.aggregate.id}`;
      const cache = [{ id: step.world.image }];
      await statuses(step, [404, 202], 'POST', `${path}/images`, { cache }, 'admin');
      const twice = { cache: [...cache, ...cache] };
      assert.equal((await step.from.send('POST', `${path}/images`, twice, 'admin')).status, 400);
      assert.equal((await step.from.send('POST', `${path}/images`, { cache })).status, 403);
      await top.send('DELETE', path, undefined, 'admin');
    },
  },
  {
    version: '2.88',
    change: 'hypervisors without what placement knows better, with uptime',
    proof: 'steps',
    check: async (step) => {
      const { below, from } = step;
      const gone = names(
        'current_workload cpu_info vcpus vcpus_used free_disk_gb local_gb local_gb_used disk_available_least free_ram_mb memory_mb memory_mb_used running_vms',
      );
      const first = async (client: Client) =>
        (await client.get('/os-hypervisors/detail', 'admin')).hypervisors[0];
      const [old, now] = [await first(below), await first(from)];
      assert.deepEqual([has(old, ...gone, 'uptime'), has(now, ...gone, 'uptime')], [gone, ['uptime']]);
      await statuses(step, [200, 404], 'GET', '/os-hypervisors/statistics', undefined, 'admin');
      const uptime = `/os-hypervisors/${old.id}/uptime`;
      assert.ok([200, 501].includes((await below.send('GET', uptime, undefined, 'admin')).status));
      assert.equal((await from.send('GET', uptime, undefined, 'admin')).status, 404);
    },
  },
];
