// Rows of compute's microversions about what servers show.
import assert from 'node:assert/strict';
import { createField, has, rebuildField, statuses, type Row, type Step } from './row.ts';
import { taggedVolumes } from './volumes.ts';
import type { JsonValue } from '#test/support/service-harness.ts';

/** A field of a server that came with the version: absent below, `expected` from it on. */
const field =
  (name: string, expected: (step: Step) => unknown, who: 'member' | 'admin' = 'member') =>
  async (step: Step): Promise<void> => {
    const { below, from, world } = step;
    for (const view of [
      async (client: typeof below) => (await client.get(`/servers/${world.server}`, who)).server,
      async (client: typeof below) =>
        listed(await client.get('/servers/detail?all_tenants=1', 'admin'), world.server),
    ]) {
      assert.equal(name in (await view(below)), false, `${name} below`);
      assert.deepEqual((await view(from))[name], expected(step), name);
    }
  };

const listed = ({ servers }: JsonValue, id: string): JsonValue =>
  servers.find((each: { id: string }) => each.id === id);

export const serverViewRows: readonly Row[] = [
  {
    version: '2.3',
    change: 'more attributes of servers for administrators',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const names = 'reservation_id launch_index ramdisk_id kernel_id hostname root_device_name user_data'
        .split(' ')
        .map((name) => `OS-EXT-SRV-ATTR:${name}`);
      assert.deepEqual(has((await below.get(`/servers/${world.server}`, 'admin')).server, ...names), []);
      assert.deepEqual(has((await from.get(`/servers/${world.server}`, 'admin')).server, ...names), names);
    },
  },
  { version: '2.9', change: 'locked', proof: 'steps', check: field('locked', () => false) },
  {
    version: '2.16',
    change: 'host_status for administrators',
    proof: 'steps',
    check: async (step) => {
      await field('host_status', () => 'UP', 'admin')(step);
      assert.equal('host_status' in (await step.from.get(`/servers/${step.world.server}`)).server, false);
    },
  },
  {
    version: '2.19',
    change: 'description',
    proof: 'steps',
    check: async (step) => {
      await field('description', () => 'words')(step);
      await createField('description', 'words')(step);
      await rebuildField('description', 'words')(step);
      const put = async (client: typeof step.from) =>
        client.send('PUT', `/servers/${step.world.server}`, { server: { description: 'words' } });
      assert.deepEqual([(await put(step.below)).status, (await put(step.from)).status], [400, 200]);
    },
  },
  {
    version: '2.26',
    change: 'tags of servers',
    proof: 'steps',
    check: async (step) => {
      const path = `/servers/${step.world.server}/tags`;
      await field('tags', () => ['one'])(step);
      await statuses(step, [404, 200], 'GET', path);
      await statuses(step, [404, 204], 'GET', `${path}/one`);
      await statuses(step, [404, 201], 'PUT', `${path}/two`);
      await statuses(step, [404, 204], 'DELETE', `${path}/two`);
      await statuses(step, [404, 200], 'PUT', path, { tags: ['one'] });
      const none = '/servers?tags=nobody-has-this';
      assert.ok((await step.below.get(none)).servers.length > 0, 'the filter is passed over');
      assert.deepEqual((await step.from.get(none)).servers, []);
      const ids = (await step.from.get('/servers?tags-any=one,other')).servers.map(
        (each: { id: string }) => each.id,
      );
      assert.deepEqual(ids, [step.world.server]);
    },
  },
  {
    version: '2.47',
    change: 'the flavor itself in place of its link',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const flavorAt = async (client: typeof from) =>
        (await client.get(`/servers/${world.server}`)).server.flavor;
      assert.deepEqual(Object.keys(await flavorAt(below)).toSorted(), ['id', 'links']);
      assert.deepEqual(Object.keys(await flavorAt(from)).toSorted(), [
        'disk',
        'ephemeral',
        'extra_specs',
        'original_name',
        'ram',
        'swap',
        'vcpus',
      ]);
    },
  },
  {
    version: '2.48',
    change: 'diagnostics in names of the API',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const path = `/servers/${world.server}/diagnostics`;
      const old = await below.get(path, 'admin');
      assert.deepEqual(has(old, 'cpu0_time', 'vda_read', 'memory', 'state', 'nic_details'), [
        'cpu0_time',
        'vda_read',
        'memory',
      ]);
      const shown = await from.get(path, 'admin');
      assert.deepEqual(Object.keys(shown).toSorted(), [
        'config_drive',
        'cpu_details',
        'disk_details',
        'driver',
        'hypervisor',
        'hypervisor_os',
        'memory_details',
        'nic_details',
        'num_cpus',
        'num_disks',
        'num_nics',
        'state',
        'uptime',
      ]);
      const { addresses } = (await from.get(`/servers/${world.server}`)).server;
      const [first] = Object.values(addresses as Record<string, JsonValue>)[0];
      assert.equal(shown.nic_details[0].mac_address, first['OS-EXT-IPS-MAC:mac_addr']);
      assert.deepEqual([shown.state, shown.driver, shown.num_cpus], ['running', 'libvirt', 1]);
      assert.equal((await from.send('GET', path)).status, 403);
    },
  },
  {
    version: '2.63',
    change: 'trusted_image_certificates; this cloud takes none but null',
    proof: 'steps',
    check: async (step) => {
      await field('trusted_image_certificates', () => null)(step);
      await createField('trusted_image_certificates', null)(step);
      await rebuildField('trusted_image_certificates', null)(step);
    },
  },
  {
    version: '2.70',
    change: 'tags of interfaces and of volumes',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      await taggedVolumes({ below, from, world });
      const path = `/servers/${world.server}/os-interface`;
      const [old] = (await below.get(path)).interfaceAttachments;
      const [shown] = (await from.get(path)).interfaceAttachments;
      assert.equal('tag' in old, false);
      assert.equal(shown.tag, null);
      assert.equal((await from.get(`${path}/${shown.port_id}`)).interfaceAttachment.tag, null);
    },
  },
  {
    version: '2.71',
    change: 'server_groups where one server is shown',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const show = async (client: typeof from) => (await client.get(`/servers/${world.server}`)).server;
      assert.equal('server_groups' in (await show(below)), false);
      assert.deepEqual((await show(from)).server_groups, [world.group]);
      assert.equal('server_groups' in listed(await from.get('/servers/detail'), world.server), false);
    },
  },
  {
    version: '2.73',
    change: 'a reason of the lock; locked as filter and sort key',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      await field('locked_reason', () => null)(step);
      const { server } = world;
      assert.equal((await from.act(server, { lock: { locked_reason: 'why' } })).status, 202);
      assert.equal((await from.get(`/servers/${server}`)).server.locked_reason, 'why');
      const ids = async (client: typeof from) =>
        (await client.get('/servers?locked=true')).servers.map((each: { id: string }) => each.id);
      assert.ok((await ids(below)).length > 1, 'the filter is passed over');
      assert.deepEqual(await ids(from), [server]);
      assert.equal((await from.act(server, { lock: { odd: 1 } })).status, 400);
      assert.equal((await from.act(server, { unlock: null })).status, 202);
      assert.equal((await below.act(server, { lock: { odd: 1 } })).status, 202);
      assert.equal((await below.act(server, { unlock: null })).status, 202);
      await from.get('/servers?sort_key=locked&sort_dir=asc');
    },
  },
  {
    version: '2.78',
    change: 'NUMA topology; no guest has one',
    proof: 'steps',
    check: async (step) => {
      const path = `/servers/${step.world.server}/topology`;
      await statuses(step, [404, 200], 'GET', path);
      assert.deepEqual(await step.from.get(path), { nodes: [], pagesize_kb: null });
    },
  },
  {
    version: '2.90',
    change: 'hostname can be set, is shown to all, and filtered by',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      const path = `/servers/${world.server}`;
      const name = 'OS-EXT-SRV-ATTR:hostname';
      await createField('hostname', 'web-1')(step);
      await rebuildField('hostname', 'web-1')(step);
      assert.equal(name in (await below.get(path)).server, false);
      const put = async (client: typeof from) => client.send('PUT', path, { server: { hostname: 'web-1' } });
      assert.deepEqual([(await put(below)).status, (await put(from)).status], [400, 200]);
      assert.equal((await from.get(path)).server[name], 'web-1');
      assert.ok((await below.get('/servers?hostname=nobody')).servers.length > 0);
      assert.deepEqual((await from.get('/servers?hostname=nobody')).servers, []);
    },
  },
];
