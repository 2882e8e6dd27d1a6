// Rows of compute's microversions about flavors, key pairs, server groups, quotas and limits.
import assert from 'node:assert/strict';
import { has, statuses, unknownField, type Row } from './row.ts';
import type { Client, World } from './world.ts';

const names = (text: string): string[] => text.split(' ');

async function newFlavor(client: Client, world: World, fields: object = {}): Promise<string> {
  const id = world.unique('flavor');
  const flavor = { name: id, id, ram: 64, vcpus: 1, disk: 1, ...fields };
  const answer = await client.send('POST', '/flavors', { flavor }, 'admin');
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return id;
}

const newGroup = async (client: Client, world: World, fields: object) =>
  client.send('POST', '/os-server-groups', { server_group: { name: world.unique('group'), ...fields } });

/** Removes what a row made, so that no quota is used up. */
const dropGroup = async (client: Client, answer: { body: { server_group?: { id: string } } }) =>
  client.send('DELETE', `/os-server-groups/${answer.body.server_group?.id}`);

export const tenantRows: readonly Row[] = [
  {
    version: '2.2',
    change: 'type of key pairs; 201 and 204',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const round = async (client: Client, fields: object) => {
        const name = world.unique('key');
        const keypair = { name, public_key: world.publicKey, ...fields };
        const made = await client.send('POST', '/os-keypairs', { keypair });
        if (made.status === 400) return made;
        const gone = await client.send('DELETE', `/os-keypairs/${name}`);
        return { ...made, status: [made.status, gone.status, made.body.keypair.type] };
      };
      assert.deepEqual((await round(below, {})).status, [200, 202, undefined]);
      assert.deepEqual((await round(from, { type: 'ssh' })).status, [201, 204, 'ssh']);
      unknownField((await round(below, { type: 'ssh' })) as never, 'type');
      const [{ keypair: old }] = (await below.get('/os-keypairs')).keypairs;
      const [{ keypair: now }] = (await from.get('/os-keypairs')).keypairs;
      assert.deepEqual(['type' in old, now.type], [false, 'ssh']);
    },
  },
  {
    version: '2.7',
    change: 'no access is given to a public flavor',
    proof: 'steps',
    check: async (step) => {
      const id = await newFlavor(step.from, step.world);
      const body = { addTenantAccess: { tenant: step.world.project } };
      await statuses(step, [200, 409], 'POST', `/flavors/${id}/action`, body, 'admin');
    },
  },
  {
    version: '2.10',
    change: "administrators handle other users' key pairs",
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      const list = async (client: Client) =>
        (await client.get(`/os-keypairs?user_id=${world.user}`, 'admin')).keypairs.length;
      assert.deepEqual([await list(below), await list(from)], [0, 1]);
      const path = `/os-keypairs/k?user_id=${world.user}`;
      await statuses(step, [404, 200], 'GET', path, undefined, 'admin');
      const keypair = { name: world.unique('key'), public_key: world.publicKey, user_id: world.user };
      const make = async (client: Client) => client.send('POST', '/os-keypairs', { keypair }, 'admin');
      unknownField(await make(below), 'user_id');
      assert.equal((await make(from)).body.keypair.user_id, world.user);
      const mine = `/os-keypairs/${keypair.name}?user_id=${world.user}`;
      await statuses(step, [404, 204], 'DELETE', mine, undefined, 'admin');
    },
  },
  {
    version: '2.13',
    change: 'project_id and user_id of server groups',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const show = async (client: Client) =>
        (await client.get(`/os-server-groups/${world.group}`)).server_group;
      assert.deepEqual(has(await show(below), 'project_id', 'user_id'), []);
      const { project_id, user_id } = await show(from);
      assert.deepEqual([project_id, user_id], [world.project, world.user]);
    },
  },
  {
    version: '2.15',
    change: 'soft policies of server groups',
    proof: 'steps',
    once: true,
    check: async ({ below, from, world }) => {
      for (const policy of ['soft-affinity', 'soft-anti-affinity']) {
        assert.equal((await newGroup(below, world, { policies: [policy] })).status, 400);
        const made = await newGroup(from, world, { policies: [policy] });
        assert.deepEqual(made.body.server_group.policies, [policy]);
        await dropGroup(from, made);
      }
    },
  },
  {
    version: '2.35',
    change: 'key pairs are paged',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      const name = world.unique('key');
      const keypair = { name, public_key: world.publicKey };
      await from.send('POST', '/os-keypairs', { keypair });
      assert.equal((await below.get('/os-keypairs?limit=1')).keypairs.length, 2);
      const page = await from.get('/os-keypairs?limit=1');
      assert.deepEqual([page.keypairs.length, page.keypairs_links.length], [1, 1]);
      const rest = (await from.get(`/os-keypairs?marker=k`)).keypairs;
      assert.deepEqual(
        rest.map((each: { keypair: { name: string } }) => each.keypair.name),
        [name],
      );
      await statuses(step, [200, 400], 'GET', '/os-keypairs?marker=nobody');
      await from.send('DELETE', `/os-keypairs/${name}`);
    },
  },
  {
    version: '2.36',
    change: "the proxies, network's quotas and limits go",
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      await statuses(step, [200, 404], 'GET', '/os-security-groups');
      const rule = { security_group_rule: {} };
      await statuses(step, [400, 404], 'POST', '/os-security-group-rules', rule);
      await statuses(step, [200, 404], 'GET', '/images');
      for (const path of names(
        '/os-networks /os-tenant-networks /os-floating-ips /os-floating-ip-pools /os-volumes /os-snapshots',
      ))
        await statuses(step, [200, 404], 'GET', path);
      await statuses(step, [400, 404], 'POST', '/os-floating-ips', { more: 1 });
      const limits = names(
        'maxTotalFloatingIps maxSecurityGroups maxSecurityGroupRules totalFloatingIpsUsed totalSecurityGroupsUsed',
      );
      assert.deepEqual(has((await below.get('/limits')).limits.absolute, ...limits), limits);
      assert.deepEqual(has((await from.get('/limits')).limits.absolute, ...limits), []);
      const quotas = names('fixed_ips floating_ips security_groups security_group_rules');
      for (const path of ['', '/detail', '/defaults']) {
        const at = async (client: Client) =>
          (await client.get(`/os-quota-sets/${world.project}${path}`, 'admin')).quota_set;
        assert.deepEqual(
          [has(await at(below), ...quotas), has(await at(from), ...quotas)],
          [quotas, []],
          path,
        );
      }
      const put = { quota_set: { floating_ips: 5 } };
      await statuses(step, [200, 400], 'PUT', `/os-quota-sets/${world.project}`, put, 'admin');
    },
  },
  {
    version: '2.39',
    change: "no quota on images' metadata",
    proof: 'steps',
    check: async ({ below, from, world }) => {
      assert.ok('maxImageMeta' in (await below.get('/limits')).limits.absolute);
      assert.equal('maxImageMeta' in (await from.get('/limits')).limits.absolute, false);
      const quota = async (metadata_items: number) =>
        from.send(
          'PUT',
          `/os-quota-sets/${world.project}`,
          { quota_set: { metadata_items, force: true } },
          'admin',
        );
      const snapshot = async (client: Client) => {
        const createImage = { name: world.unique('image'), metadata: { a: 'b' } };
        const { status } = await client.act(world.server, { createImage }, 'member');
        await world.settled(world.server);
        return status;
      };
      assert.equal((await quota(0)).status, 200);
      assert.deepEqual([await snapshot(below), await snapshot(from)], [403, 202]);
      await quota(128);
    },
  },
  {
    version: '2.50',
    change: "quota classes: groups come, network's go",
    proof: 'steps',
    check: async ({ below, from }) => {
      const at = async (client: Client) =>
        (await client.get('/os-quota-class-sets/default', 'admin')).quota_class_set;
      const groups = names('server_groups server_group_members');
      const network = names('fixed_ips floating_ips security_groups security_group_rules');
      if (below.minor < 36) assert.deepEqual(has(await at(below), ...network), network);
      assert.deepEqual([has(await at(below), ...groups), has(await at(from), ...groups)], [[], groups]);
      assert.deepEqual(has(await at(from), ...network), []);
      const put = { quota_class_set: { floating_ips: 5 } };
      unknownField(await from.send('PUT', '/os-quota-class-sets/default', put, 'admin'), 'floating_ips');
    },
  },
  {
    version: '2.55',
    change: 'description of flavors',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      const id = await newFlavor(from, world, { description: 'words' });
      const flavor = { name: 'x', id: 'x', ram: 64, vcpus: 1, disk: 1, description: 'words' };
      unknownField(await below.send('POST', '/flavors', { flavor }, 'admin'), 'description');
      assert.equal('description' in (await below.get(`/flavors/${id}`)).flavor, false);
      assert.equal((await from.get(`/flavors/${id}`)).flavor.description, 'words');
      assert.ok((await from.get('/flavors')).flavors.every((each: object) => 'description' in each));
      const put = await from.send('PUT', `/flavors/${id}`, { flavor: { description: 'other' } }, 'admin');
      assert.equal(put.body.flavor.description, 'other');
      assert.equal(
        (await below.send('PUT', `/flavors/${id}`, { flavor: { description: 'x' } }, 'admin')).status,
        404,
      );
      const { server } = await from.get(`/servers/${world.server}`);
      assert.equal('description' in server.flavor, false, 'not in servers');
    },
  },
  {
    version: '2.61',
    change: 'extra_specs in flavors',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const id = await newFlavor(from, world);
      await from.send(
        'POST',
        `/flavors/${id}/os-extra_specs`,
        { extra_specs: { 'hw_rng:allowed': 'true' } },
        'admin',
      );
      const show = async (client: Client) => (await client.get(`/flavors/${id}`)).flavor.extra_specs;
      assert.deepEqual([await show(below), await show(from)], [undefined, { 'hw_rng:allowed': 'true' }]);
      assert.ok((await from.get('/flavors/detail')).flavors.every((each: object) => 'extra_specs' in each));
      assert.ok((await from.get('/flavors')).flavors.every((each: object) => !('extra_specs' in each)));
    },
  },
  {
    version: '2.64',
    change: 'policy and rules of server groups in place of policies and metadata',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const keys = async (client: Client) =>
        has(
          (await client.get(`/os-server-groups/${world.group}`)).server_group,
          ...names('policies metadata policy rules'),
        );
      assert.deepEqual(
        [await keys(below), await keys(from)],
        [names('policies metadata'), names('policy rules')],
      );
      const body = { policy: 'anti-affinity', rules: { max_server_per_host: 2 } };
      assert.equal((await newGroup(below, world, body)).status, 400);
      const made = await newGroup(from, world, body);
      assert.deepEqual(made.body.server_group.rules, { max_server_per_host: 2 });
      await dropGroup(from, made);
      assert.equal((await newGroup(from, world, { policies: ['affinity'] })).status, 400);
      assert.equal((await newGroup(from, world, { policy: 'affinity', rules: body.rules })).status, 400);
    },
  },
  {
    version: '2.86',
    change: 'known extra specs are checked',
    proof: 'steps',
    check: async (step) => {
      const id = await newFlavor(step.from, step.world);
      const path = `/flavors/${id}/os-extra_specs`;
      for (const [key, value] of [
        ['hw:cpu_policy', 'odd'],
        ['resources:VCPU', 'many'],
        ['trait:X', 'maybe'],
        ['hw:mem_page_size', 'odd'],
        ['hw:nonsense', '1'],
        ['quota:nonsense', '1'],
        ['os:nonsense', '1'],
      ] as const) {
        await statuses(step, [200, 400], 'POST', path, { extra_specs: { [key]: value } }, 'admin');
        await statuses(step, [200, 400], 'PUT', `${path}/${key}`, { [key]: value }, 'admin');
      }
      for (const [key, value] of [
        ['my:own', 'x'],
        ['plain', 'x'],
        ['hw:cpu_policy', 'shared'],
        ['hw:numa_cpus.0', '0,1'],
        ['aggregate_instance_extra_specs:ssd', 'true'],
        ['capabilities:cpu_info:vendor', 'x'],
      ] as const)
        await statuses(step, [200, 200], 'POST', path, { extra_specs: { [key]: value } }, 'admin');
    },
  },
  {
    version: '2.92',
    change: 'key pairs are brought, not made; @ and . in their names',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const make = async (client: Client, keypair: object) =>
        client.send('POST', '/os-keypairs', { keypair });
      const name = world.unique('made');
      assert.match((await make(below, { name })).body.keypair.private_key, /PRIVATE KEY/);
      assert.equal((await make(from, { name: world.unique('made') })).status, 400);
      const mail = { name: `${world.unique('me')}@example.org`, public_key: world.publicKey };
      assert.equal((await make(below, mail)).status, 400);
      assert.equal((await make(from, mail)).status, 201);
      for (const each of [name, mail.name])
        await from.send('DELETE', `/os-keypairs/${encodeURIComponent(each)}`);
    },
  },
];
