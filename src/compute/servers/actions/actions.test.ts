// POST /servers/{id}/action through the API: the message to the agent, the states that allow it, the refusals.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { IMAGE, NETWORK, startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import type { InstanceRow, VmState } from '#compute/tables.ts';
import { serveRpc } from '#platform/bus/bus.ts';
import type { AgentRpc } from '#compute/rpc.ts';
import { serverActions } from '../action-routes.ts';

const act = async (cloud: ComputeHarness, id: string, body: unknown, version = '2.1', token = 'member') =>
  cloud.at(version, 'POST', `/v2.1/servers/${id}/action`, { body, token });

async function server(cloud: ComputeHarness, changes: Partial<InstanceRow> = {}): Promise<string> {
  const id = await cloud.create();
  await cloud.activate(id, changes);
  return id;
}

test('every action has a file of its key, and every file an action', () => {
  const files = readdirSync(import.meta.dirname).filter((name) => !name.endsWith('.test.ts'));
  assert.deepEqual(files.toSorted(), serverActions.map(({ key }) => `${key}.ts`).toSorted());
});

interface Case {
  readonly body: Record<string, unknown>;
  readonly method: string;
  readonly action: string;
  readonly from: readonly VmState[];
  readonly task: string | null;
}

const ALL_STATES: readonly VmState[] = ['building', 'active', 'stopped', 'paused', 'suspended', 'error'];

const CASES: readonly Case[] = [
  { body: { 'os-start': null }, method: 'startServer', action: 'start', from: ['stopped'], task: 'powering-on' },
  { body: { 'os-stop': null }, method: 'stopServer', action: 'stop', from: ['active', 'error'], task: 'powering-off' },
  { body: { pause: null }, method: 'pauseServer', action: 'pause', from: ['active'], task: 'pausing' },
  { body: { unpause: null }, method: 'unpauseServer', action: 'unpause', from: ['paused'], task: 'unpausing' },
  { body: { suspend: null }, method: 'suspendServer', action: 'suspend', from: ['active'], task: 'suspending' },
  { body: { resume: null }, method: 'resumeServer', action: 'resume', from: ['suspended'], task: 'resuming' },
  { body: { reboot: { type: 'SOFT' } }, method: 'rebootServer', action: 'reboot', from: ['active'], task: 'rebooting' },
  { body: { reboot: { type: 'HARD' } }, method: 'rebootServer', action: 'reboot', from: ['active', 'stopped', 'paused', 'suspended', 'error'], task: 'rebooting_hard' },
  { body: { rebuild: { imageRef: IMAGE } }, method: 'rebuildServer', action: 'rebuild', from: ['active', 'stopped', 'error'], task: 'rebuilding' },
  { body: { createImage: { name: 'snap' } }, method: 'createImage', action: 'createImage', from: ['active', 'stopped', 'paused', 'suspended'], task: 'image_snapshot' },
  { body: { createBackup: { name: 'b', backup_type: 'daily', rotation: '2' } }, method: 'createBackup', action: 'createBackup', from: ['active', 'stopped', 'paused', 'suspended'], task: 'image_backup' },
]; // prettier-ignore

for (const { body, method, action, from, task } of CASES) {
  test(`${JSON.stringify(body)} sends ${method} from ${from.join(', ')} and is refused from other states with 409`, async () => {
    await using cloud = await startComputeHarness({});
    await cloud.kysely
      .insertInto('quota_limits')
      .values({ scope: 'class:default', resource: 'instances', hard_limit: -1 })
      .execute();
    for (const vm_state of ALL_STATES) {
      const id = await server(cloud, { vm_state });
      const answer = await act(cloud, id, body);
      const key = Object.keys(body)[0];
      if (!from.includes(vm_state)) {
        assert.equal(answer.status, 409, `${key} from ${vm_state}`);
        assert.equal(
          answer.body.conflictingRequest.message,
          `Cannot '${action}' instance ${id} while it is in vm_state ${vm_state}`,
        );
        continue;
      }
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      const message = (await cloud.outbox()).at(-1);
      assert.deepEqual([message?.queue, message?.method], ['compute.host-1', method]);
      const row = await cloud.kysely
        .selectFrom('instances')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      assert.equal(row.task_state, task);
      const record = await cloud.kysely
        .selectFrom('instance_actions')
        .selectAll()
        .where('id', '=', String(message?.payload['action_id']))
        .executeTakeFirstOrThrow();
      assert.deepEqual([record.action, record.state, record.host], [action, 'running', 'host-1']);
      const again = await act(cloud, id, body);
      const mends = task === 'rebooting_hard';
      assert.equal(again.status, mends ? 202 : 409);
      if (!mends) assert.match(again.body.conflictingRequest.message, /task_state/);
    }
  });
}

test('of two stops at once one is taken', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const answers = await Promise.all([1, 2, 3].map(async () => act(cloud, id, { 'os-stop': null })));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [202, 409, 409]);
  assert.equal((await cloud.outbox()).filter(({ method }) => method === 'stopServer').length, 1);
});

test('readers may not act, locks bind members and not administrators', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  assert.equal((await act(cloud, id, { 'os-stop': null }, '2.1', 'reader')).status, 403);
  assert.equal((await act(cloud, id, { lock: { locked_reason: 'mine' } }, '2.73')).status, 202);
  const shown = await cloud.at('2.73', 'GET', `/v2.1/servers/${id}`);
  assert.deepEqual([shown.body.server.locked, shown.body.server.locked_reason], [true, 'mine']);
  assert.equal((await act(cloud, id, { 'os-stop': null })).status, 409);
  assert.equal((await act(cloud, id, { 'os-stop': null }, '2.1', 'admin')).status, 202);
  assert.equal((await act(cloud, id, { unlock: null })).status, 202);
  assert.equal((await act(cloud, id, { lock: null }, '2.1', 'admin')).status, 202);
  assert.equal((await act(cloud, id, { unlock: null })).status, 403);
  assert.equal((await act(cloud, id, { unlock: null }, '2.1', 'admin')).status, 202);
});

test('unknown and malformed actions are 400, those of other versions 404', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  for (const body of [
    { fly: null },
    {},
    { 'os-stop': null, pause: null },
    { reboot: {} },
    { reboot: { type: 'WARM' } },
    { resize: { flavorRef: '2' } },
    { os_fly: null },
  ]) {
    assert.equal((await act(cloud, id, body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await act(cloud, id, { addFixedIp: { networkId: NETWORK } }, '2.44')).status, 404);
  assert.equal((await act(cloud, 'nope', { 'os-stop': null })).status, 404);
});

test('a server gets one more address on a network it is on, and gives it back, until 2.43', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const port = (): { id: string; fixed_ips: ReadonlyArray<{ ip_address?: string; subnet_id: string }> } =>
    [...cloud.network.ports.values()].find((each) => each['device_id'] === id) as never;
  const [first] = port().fixed_ips;
  assert.ok(first?.ip_address !== undefined);
  const add = async (networkId: string, version = '2.1', token = 'member') =>
    (await act(cloud, id, { addFixedIp: { networkId } }, version, token)).status;
  assert.equal(await add('elsewhere'), 400);
  assert.equal(await add(NETWORK, '2.1', 'stranger'), 404);
  assert.equal(await add(NETWORK, '2.43'), 202);
  assert.deepEqual(
    port().fixed_ips,
    [first, { subnet_id: first.subnet_id }],
    'the network service chooses it',
  );
  const remove = async (address: string) => (await act(cloud, id, { removeFixedIp: { address } })).status;
  assert.equal(await remove('10.9.9.9'), 400);
  assert.equal(await remove(first.ip_address), 202);
  assert.deepEqual(port().fixed_ips, [{ subnet_id: first.subnet_id }]);
});

test('rebuild takes the new image, name, key and metadata and answers as its version does', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const other = 'dddddddd-0000-4000-8000-000000000000';
  cloud.images.set(other, { ...cloud.images.get(IMAGE)!, id: other, kernel_id: 'k' });
  const answer = await act(
    cloud,
    id,
    { rebuild: { imageRef: other, name: 'fresh', metadata: { a: 'b' }, user_data: 'aGk=' } },
    '2.57',
  );
  assert.equal(answer.status, 202);
  const shown = answer.body.server;
  assert.deepEqual(
    [shown.status, shown.name, shown.image.id, shown.user_data],
    ['REBUILD', 'fresh', other, 'aGk='],
  );
  assert.match(shown.adminPass, /^\w{12}$/);
  const row = await cloud.kysely
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  assert.deepEqual([row.image_id, row.kernel_id, row.metadata_json], [other, 'k', '{"a":"b"}']);
  const second = await server(cloud);
  const refused = await act(cloud, second, { rebuild: { imageRef: 'eeeeeeee-0000-4000-8000-000000000000' } });
  assert.equal(refused.status, 400);
});

test('createImage queues an image, tells where it is, and leaves none when it is refused', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const answer = await act(cloud, id, { createImage: { name: 'snäp', metadata: { os: 'linux' } } });
  assert.equal(answer.status, 202);
  const image = cloud.images.get(answer.headers['location']?.split('/').at(-1) ?? '');
  assert.deepEqual(
    [image?.['name'], image?.['status'], image?.['instance_uuid'], image?.['os'], image?.['image_type']],
    ['snäp', 'queued', id, 'linux', 'snapshot'],
  );
  const second = await server(cloud);
  const later = await act(cloud, second, { createImage: { name: 'b' } }, '2.45');
  assert.ok(cloud.images.has(later.body.image_id));
  const before = cloud.images.size;
  assert.equal((await act(cloud, second, { createImage: { name: 'c' } })).status, 409);
  assert.equal(cloud.images.size, before);
});

test('createBackup queues an image that the rotation knows, whatever its metadata says', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const metadata = { image_type: 'snapshot', instance_uuid: 'other' };
  const backup = { name: 'monday', backup_type: 'daily', rotation: 2, metadata };
  const answer = await act(cloud, id, { createBackup: backup });
  const image = cloud.images.get(answer.headers['location']?.split('/').at(-1) ?? '');
  assert.deepEqual(
    [image?.['name'], image?.['image_type'], image?.['backup_type'], image?.['instance_uuid']],
    ['monday', 'backup', 'daily', id],
  );
  const none = await act(cloud, await server(cloud), { createBackup: { ...backup, rotation: 0 } });
  assert.deepEqual([none.status, none.headers['location']], [202, undefined]);
  const third = await server(cloud);
  const later = await act(cloud, third, { createBackup: backup }, '2.45');
  assert.ok(cloud.images.has(later.body.image_id));
  for (const wrong of [{ rotation: -1 }, { rotation: 'x' }, { backup_type: 5 }, { name: '' }, { more: 1 }])
    assert.equal((await act(cloud, third, { createBackup: { ...backup, ...wrong } })).status, 400);
});

test('security groups are put on and taken off the ports', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  cloud.network.security_groups.set('sg-web', {
    ...cloud.network.security_groups.get('sg-default')!,
    id: 'sg-web',
    name: 'web',
  });
  assert.equal((await act(cloud, id, { addSecurityGroup: { name: 'web' } })).status, 202);
  const groups = async (): Promise<unknown> =>
    (await cloud.call('GET', `/v2.1/servers/${id}`)).body.server.security_groups;
  assert.deepEqual(await groups(), [{ name: 'default' }, { name: 'web' }]);
  const listed = await cloud.call('GET', `/v2.1/servers/${id}/os-security-groups`);
  assert.deepEqual(
    listed.body.security_groups.map((group: { name: string }) => group.name),
    ['default', 'web'],
  );
  assert.equal((await act(cloud, id, { removeSecurityGroup: { name: 'web' } })).status, 202);
  assert.equal((await act(cloud, id, { removeSecurityGroup: { name: 'web' } })).status, 404);
  assert.equal((await act(cloud, id, { addSecurityGroup: { name: 'nope' } })).status, 404);
  assert.deepEqual(await groups(), [{ name: 'default' }]);
});

test('floating IPs are pointed at the server and shown among its addresses', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  cloud.network.floatingips.set('f1', {
    id: 'f1',
    floating_ip_address: '203.0.113.9',
    port_id: null,
    fixed_ip_address: null,
  });
  assert.equal((await act(cloud, id, { addFloatingIp: { address: '203.0.113.9' } })).status, 202);
  const { addresses } = (await cloud.call('GET', `/v2.1/servers/${id}`)).body.server;
  assert.deepEqual(
    addresses.private.map((each: Record<string, string>) => each['OS-EXT-IPS:type']),
    ['fixed', 'floating'],
  );
  assert.equal((await act(cloud, id, { removeFloatingIp: { address: '203.0.113.9' } })).status, 202);
  assert.equal(cloud.network.floatingips.get('f1')?.['port_id'], null);
  assert.equal((await act(cloud, id, { addFloatingIp: { address: '203.0.113.77' } })).status, 404);
});

test('consoles: a log from the agent, URLs with tokens that only administrators look up', async () => {
  await using cloud = await startComputeHarness();
  const asked: unknown[] = [];
  const agent = await serveRpc<Pick<AgentRpc, 'getConsoleOutput'>>(cloud.bus, 'compute.host-1', {
    getConsoleOutput: async (args) => {
      asked.push(args);
      return { output: 'login:' };
    },
  });
  const id = await server(cloud);
  const log = await act(cloud, id, { 'os-getConsoleOutput': { length: '5' } });
  assert.deepEqual([log.status, log.body], [200, { output: 'login:' }]);
  await act(cloud, id, { 'os-getConsoleOutput': {} });
  assert.deepEqual(asked, [
    { instance_id: id, lines: 5 },
    { instance_id: id, lines: null },
  ]);
  await agent.close();
  const old = await act(cloud, id, { 'os-getVNCConsole': { type: 'novnc' } });
  assert.match(
    old.body.console.url,
    /^http:\/\/[^/]+\/console\/vnc\?path=console%2Fvnc%3Ftoken%3D[0-9a-f-]{36}$/,
  );
  assert.equal((await act(cloud, id, { 'os-getVNCConsole': { type: 'novnc' } }, '2.6')).status, 404);
  const serial = await cloud.at('2.6', 'POST', `/v2.1/servers/${id}/remote-consoles`, {
    body: { remote_console: { protocol: 'serial', type: 'serial' } },
  });
  assert.equal(serial.status, 200);
  assert.match(serial.body.remote_console.url, /^ws:\/\/[^/]+\/console\/serial\?token=/);
  const token = serial.body.remote_console.url.split('=')[1];
  assert.equal((await cloud.at('2.31', 'GET', `/v2.1/os-console-auth-tokens/${token}`)).status, 403);
  const found = await cloud.at('2.31', 'GET', `/v2.1/os-console-auth-tokens/${token}`, { token: 'admin' });
  assert.equal(found.body.console.instance_uuid, id);
  assert.equal(
    (
      await cloud.at('2.6', 'POST', `/v2.1/servers/${id}/remote-consoles`, {
        body: { remote_console: { protocol: 'spice', type: 'spice-html5' } },
      })
    ).status,
    400,
  );
  for (const [key, type] of [
    ['os-getSPICEConsole', 'spice-html5'],
    ['os-getRDPConsole', 'rdp-html5'],
  ] as const) {
    const answer = await act(cloud, id, { [key]: { type } });
    assert.deepEqual(
      [answer.status, answer.body.badRequest.message],
      [400, `Unavailable console type ${type}.`],
    );
    assert.equal((await act(cloud, id, { [key]: { type } }, '2.6')).status, 404);
  }
  const building = await cloud.create();
  assert.equal((await act(cloud, building, { 'os-getConsoleOutput': {} })).status, 409);
  assert.equal((await act(cloud, building, { 'os-getVNCConsole': { type: 'novnc' } })).status, 409);
});

test('reset state, force delete, restore and change password say what they can do', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  assert.equal((await act(cloud, id, { 'os-resetState': { state: 'error' } })).status, 403);
  assert.equal((await act(cloud, id, { 'os-resetState': { state: 'error' } }, '2.1', 'admin')).status, 202);
  assert.equal((await cloud.call('GET', `/v2.1/servers/${id}`)).body.server.status, 'ERROR');
  assert.equal((await act(cloud, id, { 'os-resetState': { state: 'active' } }, '2.1', 'admin')).status, 202);
  assert.equal((await act(cloud, id, { injectNetworkInfo: null })).status, 403);
  assert.equal((await act(cloud, id, { injectNetworkInfo: null }, '2.1', 'admin')).status, 202);
  const building = await cloud.create();
  assert.equal((await act(cloud, building, { injectNetworkInfo: null }, '2.1', 'admin')).status, 409);
  assert.equal((await act(cloud, id, { changePassword: { adminPass: 'x' } })).status, 501);
  assert.equal((await act(cloud, id, { restore: null })).status, 409);
  assert.equal((await act(cloud, id, { forceDelete: null })).status, 202);
  assert.equal((await cloud.outbox()).at(-1)?.method, 'deleteServer');
});
