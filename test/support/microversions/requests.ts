// Rows of compute's microversions about what requests on servers may say, and how they are answered.
import assert from 'node:assert/strict';
import {
  createField,
  has,
  NOBODY,
  rebuildField,
  tryRebuild,
  knownField,
  message,
  statuses,
  strictQuery,
  tryCreate,
  unknownField,
  type Row,
  type Step,
} from './row.ts';
import type { Client } from './world.ts';

const networkTag = { networks: [{ uuid: NOBODY, tag: 'nic1' }] };
const diskTag = {
  block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'local', tag: 'disk1' }],
};

/** Tags of devices came at 2.32, went by mistake at 2.33 and 2.37, and came back at 2.42. */
const deviceTags =
  (networks: readonly [boolean, boolean], disks: readonly [boolean, boolean]) =>
  async ({ below, from }: Step): Promise<void> => {
    for (const [fields, taken] of [
      [networkTag, networks],
      [diskTag, disks],
    ] as const)
      for (const [index, client] of [below, from].entries()) {
        const answer = await tryCreate(client, fields);
        if (taken[index]) knownField(answer, JSON.stringify(fields));
        else assert.match(message(answer), /additional propert|does not match|must match|must be/i);
      }
  };

const ids = async (client: Client, query: string): Promise<string[]> =>
  (await client.get(`/servers?${query}`)).servers.map((each: { id: string }) => each.id);

/** A filter that tenants may use from the version on, and that is passed over below. */
const filter =
  (...queries: readonly string[]) =>
  async ({ below, from }: Step): Promise<void> => {
    const all = (await ids(below, '')).length;
    for (const query of queries) {
      assert.equal((await ids(below, query)).length, all, `${query} below`);
      assert.deepEqual(await ids(from, query), [], query);
    }
  };

/** A field of the attachment of a volume that came with the version; the volume does not exist. */
const attachField =
  (name: string, value: unknown) =>
  async ({ below, from, world }: Step): Promise<void> => {
    const attach = async (client: Client) =>
      client.send('POST', `/servers/${world.server}/os-volume_attachments`, {
        volumeAttachment: { volumeId: NOBODY, [name]: value },
      });
    unknownField(await attach(below), name);
    assert.equal((await attach(from)).status, 404);
  };

/** An event that other services may tell of from the version on. */
const externalEvent =
  (name: string) =>
  async ({ below, from, world }: Step): Promise<void> => {
    const tell = async (client: Client) =>
      client.send(
        'POST',
        '/os-server-external-events',
        { events: [{ name, server_uuid: world.server, tag: NOBODY }] },
        'admin',
      );
    assert.equal((await tell(below)).status, 400, `${name} below`);
    assert.notEqual((await tell(from)).status, 400, name);
  };

export const requestRows: readonly Row[] = [
  { version: '2.5', change: 'ip6 as a filter of tenants', proof: 'steps', check: filter('ip6=dead:beef') },
  {
    version: '2.6',
    change: 'remote-consoles in place of one action a protocol',
    proof: 'steps',
    check: async (step) => {
      const { server } = step.world;
      const body = { remote_console: { protocol: 'vnc', type: 'novnc' } };
      await statuses(step, [404, 200], 'POST', `/servers/${server}/remote-consoles`, body);
      await statuses(step, [200, 404], 'POST', `/servers/${server}/action`, {
        'os-getVNCConsole': { type: 'novnc' },
      });
      await statuses(step, [200, 404], 'POST', `/servers/${server}/action`, {
        'os-getSerialConsole': { type: 'serial' },
      });
    },
  },
  {
    version: '2.8',
    change: 'protocol mks; no console here speaks it',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const body = { remote_console: { protocol: 'mks', type: 'webmks' } };
      const ask = async (client: Client) =>
        client.send('POST', `/servers/${world.server}/remote-consoles`, body);
      const [old, now] = [await ask(below), await ask(from)];
      if (below.minor >= 6) assert.match(message(old), /^Invalid input for field/);
      assert.match(message(now), /^Unavailable console type webmks/);
    },
  },
  {
    version: '2.18',
    change: 'paths need no project, nor before in this release; with one they go on as they were',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      for (const client of [below, from]) {
        const idsOf = async (path: string): Promise<string[]> =>
          (await client.get(path)).servers.map(({ id }: { id: string }) => id);
        assert.deepEqual(await idsOf(`/${world.project}/servers`), await idsOf('/servers'));
        assert.equal((await client.send('GET', `/${NOBODY}/servers`)).status, 400);
      }
    },
  },
  {
    version: '2.21',
    change: 'actions of deleted servers',
    proof: 'steps',
    check: async (step) =>
      statuses(step, [404, 200], 'GET', `/servers/${step.world.deleted}/os-instance-actions`),
  },
  {
    version: '2.32',
    change: 'tags of networks and disks',
    proof: 'steps',
    once: true,
    check: deviceTags([false, true], [false, true]),
  },
  {
    version: '2.33',
    change: 'hypervisors are paged; tags of disks go',
    proof: 'steps',
    once: true,
    check: async (step) => {
      const { below, from } = step;
      await deviceTags([true, true], [true, false])(step);
      assert.ok((await below.get('/os-hypervisors?limit=1', 'admin')).hypervisors.length > 1, 'passed over');
      const page = await from.get('/os-hypervisors?limit=1', 'admin');
      assert.equal(page.hypervisors.length, 1);
      assert.match(page.hypervisors_links[0].href, /marker=/);
      assert.equal((await below.send('GET', '/os-hypervisors?marker=99', undefined, 'admin')).status, 200);
      assert.equal((await from.send('GET', '/os-hypervisors?marker=99', undefined, 'admin')).status, 400);
    },
  },
  {
    version: '2.37',
    change: 'networks are required, auto or none; tags of networks go',
    proof: 'steps',
    once: true,
    check: async (step) => {
      const { below, from } = step;
      await deviceTags([true, false], [false, false])(step);
      const missing = await tryCreate(from, { networks: undefined });
      assert.match(message(missing), /networks/);
      assert.doesNotMatch(message(await tryCreate(below, {})), /networks/);
      for (const networks of ['auto', 'none']) {
        assert.match(message(await tryCreate(below, { networks })), /networks/);
        assert.doesNotMatch(message(await tryCreate(from, { networks })), /networks/);
      }
    },
  },
  {
    version: '2.38',
    change: 'a status that does not exist is refused',
    proof: 'steps',
    check: async (step) => {
      await statuses(step, [200, 400], 'GET', '/servers?status=purple');
      assert.deepEqual((await step.below.get('/servers?status=purple')).servers, []);
    },
  },
  {
    version: '2.42',
    change: 'tags of networks and disks again',
    proof: 'steps',
    once: true,
    check: deviceTags([false, true], [false, true]),
  },
  {
    version: '2.44',
    change: "network's proxies among the actions go",
    proof: 'steps',
    check: async ({ below, from, world }) => {
      for (const body of [
        { addFixedIp: { networkId: NOBODY } },
        { removeFixedIp: { address: '192.0.2.1' } },
        { addFloatingIp: { address: '192.0.2.1' } },
        { removeFloatingIp: { address: '192.0.2.1' } },
      ]) {
        assert.doesNotMatch(
          message(await below.act(world.server, body, 'member')),
          /^There is no such action/,
        );
        const gone = await from.act(world.server, body, 'member');
        assert.deepEqual([gone.status, message(gone).startsWith('There is no such action')], [404, true]);
      }
    },
  },
  {
    version: '2.45',
    change: 'createImage and createBackup answer with the id in a body',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const snapshot = async (client: Client, action: string, more: object) => {
        const body = { [action]: { name: world.unique('image'), ...more } };
        const answer = await client.act(world.server, body, 'member');
        await world.settled(world.server);
        return [answer.status, answer.headers.has('location'), answer.body?.image_id !== undefined];
      };
      const backup = { backup_type: 'daily', rotation: 1 };
      for (const [action, more] of Object.entries({ createImage: {}, createBackup: backup })) {
        assert.deepEqual(await snapshot(below, action, more), [202, true, false]);
        assert.deepEqual(await snapshot(from, action, more), [202, false, true]);
      }
    },
  },
  {
    version: '2.49',
    change: 'tag of an interface and of a volume that is attached',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const attach = async (client: Client) =>
        client.send('POST', `/servers/${world.server}/os-interface`, {
          interfaceAttachment: { net_id: NOBODY, tag: 'nic2' },
        });
      unknownField(await attach(below), 'tag');
      knownField(await attach(from), 'tag');
      await attachField('tag', 'disk2')({ below, from, world });
    },
  },
  {
    version: '2.51',
    change:
      'event volume-extended; events of actions for tenants, without tracebacks (shown at every version here)',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      await externalEvent('volume-extended')({ below, from, world });
      const base = `/servers/${world.failed}/os-instance-actions`;
      const [{ request_id }] = (await from.get(base)).instanceActions;
      const shown = async (client: Client, who: 'member' | 'admin') =>
        (await client.get(`${base}/${request_id}`, who)).instanceAction.events as Array<
          Record<string, unknown>
        >;
      assert.ok((await shown(from, 'member')).every((event) => !('traceback' in event)));
      assert.ok((await shown(from, 'admin')).some((event) => event['traceback'] !== null));
      assert.ok((await shown(below, 'member')).every((event) => event['traceback'] === null));
    },
  },
  { version: '2.52', change: 'tags at creation', proof: 'steps', check: createField('tags', ['a']) },
  {
    version: '2.54',
    change: 'key_name in rebuild',
    proof: 'steps',
    check: rebuildField('key_name', null),
  },
  {
    version: '2.57',
    change: 'no personality; user_data in rebuild; no limits of injected files',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      knownField(await tryCreate(below, { personality: [] }), 'personality');
      unknownField(await tryCreate(from, { personality: [] }), 'personality');
      knownField(await tryRebuild(below, { personality: [] }), 'personality');
      unknownField(await tryRebuild(from, { personality: [] }), 'personality');
      unknownField(await tryRebuild(below, { user_data: null }), 'user_data');
      knownField(await tryRebuild(from, { user_data: null }), 'user_data');
      const limits = ['maxPersonality', 'maxPersonalitySize'];
      assert.deepEqual(has((await below.get('/limits')).limits.absolute, ...limits), limits);
      assert.deepEqual(has((await from.get('/limits')).limits.absolute, ...limits), []);
      const quotas = ['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes'];
      for (const path of [`/os-quota-sets/${world.project}`, '/os-quota-class-sets/default']) {
        const [old] = Object.values(await below.get(path, 'admin')) as [object];
        const [now] = Object.values(await from.get(path, 'admin')) as [object];
        assert.deepEqual([has(old, ...quotas), has(now, ...quotas)], [quotas, []], path);
      }
      const put = { quota_set: { injected_files: 5 } };
      unknownField(await from.send('PUT', `/os-quota-sets/${world.project}`, put, 'admin'), 'injected_files');
    },
  },
  {
    version: '2.58',
    change: 'actions are paged and filtered, with updated_at; a strict query',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      const path = `/servers/${world.server}/os-instance-actions`;
      await from.act(world.server, { lock: null });
      await from.act(world.server, { unlock: null });
      const [old] = (await below.get(path)).instanceActions;
      const [now] = (await from.get(path)).instanceActions;
      assert.deepEqual(['updated_at' in old, 'updated_at' in now], [false, true]);
      assert.ok((await below.get(`${path}?limit=1`)).instanceActions.length > 1);
      const page = await from.get(`${path}?limit=1`);
      assert.deepEqual([page.instanceActions.length, page.links.length], [1, 1]);
      assert.deepEqual((await from.get(`${path}?changes-since=2999-01-01T00:00:00Z`)).instanceActions, []);
      assert.ok((await below.get(`${path}?changes-since=2999-01-01T00:00:00Z`)).instanceActions.length > 1);
      await statuses(step, [200, 400], 'GET', `${path}?marker=req-none`);
      await strictQuery(step, path);
    },
  },
  {
    version: '2.62',
    change: 'hostId in events, host for administrators',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const base = `/servers/${world.server}/os-instance-actions`;
      const actions = (await from.get(base)).instanceActions as Array<{ request_id: string; action: string }>;
      const path = `${base}/${actions.find(({ action }) => action === 'create')?.request_id}`;
      const keys = async (client: Client, who: 'member' | 'admin') =>
        has((await client.get(path, who)).instanceAction.events.at(-1), 'host', 'hostId');
      assert.deepEqual([await keys(below, 'admin'), await keys(below, 'member')], [[], []]);
      assert.deepEqual(
        [await keys(from, 'admin'), await keys(from, 'member')],
        [['host', 'hostId'], ['hostId']],
      );
    },
  },
  {
    version: '2.66',
    change: 'changes-before',
    proof: 'steps',
    check: async (step) => {
      const { below, from, world } = step;
      await filter('changes-before=2001-01-01T00:00:00Z')(step);
      const path = `/servers/${world.server}/os-instance-actions?changes-before=2001-01-01T00:00:00Z`;
      if (below.minor >= 58) await statuses(step, [400, 200], 'GET', path);
      assert.deepEqual((await from.get(path)).instanceActions, []);
      const migrations = '/os-migrations?changes-before=2001-01-01T00:00:00Z';
      if (below.minor >= 59) await statuses(step, [400, 200], 'GET', migrations, undefined, 'admin');
    },
  },
  {
    version: '2.67',
    change: 'volume_type in block_device_mapping_v2',
    proof: 'steps',
    check: createField('block_device_mapping_v2', [
      { source_type: 'blank', destination_type: 'volume', volume_type: 't' },
    ]),
  },
  {
    version: '2.74',
    change: 'host and hypervisor_hostname at creation, for administrators',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      for (const name of ['host', 'hypervisor_hostname']) {
        const fields = { [name]: 'no-such-host', imageRef: world.image };
        unknownField(await tryCreate(below, fields, 'admin', world), name);
        assert.match(message(await tryCreate(from, fields, 'admin', world)), /could not be found/);
        assert.equal((await tryCreate(from, fields, 'member', world)).status, 403);
      }
    },
  },
  {
    version: '2.83',
    change: 'more filters for tenants',
    proof: 'steps',
    check: filter(
      'availability_zone=x',
      'key_name=x',
      'created_at=x',
      'launched_at=x',
      'terminated_at=x',
      'user_id=x',
      'power_state=7',
      'task_state=powering-off',
      'vm_state=rescued',
      'progress=77',
      'config_drive=true',
    ),
  },
  {
    version: '2.84',
    change: 'details of failed events',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const base = `/servers/${world.failed}/os-instance-actions`;
      const [{ request_id }] = (await from.get(base)).instanceActions;
      const details = async (client: Client, who: 'member' | 'admin') =>
        (await client.get(`${base}/${request_id}`, who)).instanceAction.events.map(
          (event: { details?: unknown }) => event.details,
        ) as unknown[];
      assert.ok((await details(below, 'admin')).every((each) => each === undefined));
      assert.ok((await details(from, 'admin')).some((each) => typeof each === 'string'));
    },
  },
];
