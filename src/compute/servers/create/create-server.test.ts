// POST /servers through the API: what is recorded, what is answered, and what is refused without a trace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FLAVOR,
  IMAGE,
  NETWORK,
  startComputeHarness,
  type ComputeHarness,
} from '#test/support/compute-harness.ts';
import { AUTO_NETWORK } from '#test/support/compute-peers.ts';

const body = (fields: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  server: { name: 'web', flavorRef: FLAVOR, imageRef: IMAGE, ...fields },
  ...more,
});

async function nothingRecorded(cloud: ComputeHarness): Promise<void> {
  for (const table of ['instances', 'instance_actions', 'outbox', 'instance_tags'] as const) {
    assert.deepEqual(await cloud.kysely.selectFrom(table).selectAll().execute(), [], table);
  }
}

test('answers 202 and records entry, action with its evidence, and the message to the scheduler', async () => {
  await using cloud = await startComputeHarness();
  const answer = await cloud.call('POST', '/v2.1/servers', {
    body: body(
      {
        metadata: { tier: 'front' },
        user_data: Buffer.from('#!/bin/sh').toString('base64'),
        config_drive: 'true',
      },
      { 'os:scheduler_hints': { different_host: IMAGE } },
    ),
  });
  assert.equal(answer.status, 202);
  const { server } = answer.body;
  assert.equal(answer.headers['location'], server.links[0].href);
  assert.match(server.adminPass, /^\w{12}$/);
  assert.deepEqual(Object.keys(server).toSorted(), [
    'OS-DCF:diskConfig',
    'adminPass',
    'id',
    'links',
    'security_groups',
  ]);
  assert.equal(server['OS-DCF:diskConfig'], 'MANUAL');
  const row = await cloud.kysely.selectFrom('instances').selectAll().executeTakeFirstOrThrow();
  assert.equal(row.id, server.id);
  assert.deepEqual([row.vm_state, row.task_state, row.host], ['building', 'scheduling', null]);
  assert.deepEqual(JSON.parse(row.networks_json), [{ kind: 'network', network_id: NETWORK }]);
  assert.equal(JSON.parse(row.image_json).hw_disk_bus, 'virtio');
  assert.equal(row.config_drive, 1);
  const action = await cloud.kysely.selectFrom('instance_actions').selectAll().executeTakeFirstOrThrow();
  assert.equal(action.action, 'create');
  const { hops } = JSON.parse(action.request_json);
  assert.deepEqual(
    hops.map((hop: { hop: string }) => hop.hop),
    ['authenticate', 'request', 'record'],
  );
  assert.match(hops[0].evidence.token_hash, /^[0-9a-f]{16}$/);
  assert.equal(hops[1].evidence.request_id, answer.headers['x-openstack-request-id']);
  assert.equal(hops[2].evidence.build.image_id, IMAGE);
  assert.ok(!action.request_json.includes('"member"') || !action.request_json.includes('user_token'));
  const [message] = await cloud.outbox();
  assert.equal(message?.queue, 'scheduler');
  assert.equal(message?.method, 'selectHost');
  assert.deepEqual(message?.payload, {
    action_id: action.id,
    instance_id: row.id,
    attempt: 1,
    user_token: 'member',
    exclude: [],
  });
});

const REFUSED: ReadonlyArray<readonly [what: string, fields: Record<string, unknown>, status: number, message: RegExp]> = [
  ['a name of 256 characters', { name: 'x'.repeat(256) }, 400, /name/],
  ['an empty name', { name: '' }, 400, /name/],
  ['a number as name', { name: 12345 }, 400, /name/],
  ['a NUL in the name', { name: 'a\u0000b' }, 400, /./],
  ['a control character in the name', { name: 'a\u0007b' }, 400, /name/],
  ['an unknown field', { nonsense: true }, 400, /nonsense/],
  ['a description before 2.19', { description: 'x' }, 400, /description/],
  ['tags before 2.52', { tags: ['x'] }, 400, /tags/],
  ['an unknown image', { imageRef: 'ffffffff-0000-4000-8000-000000000000' }, 400, /image/],
  ['an image that is no UUID', { imageRef: '../../v2/tasks' }, 400, /imageRef/],
  ['an unknown flavor', { flavorRef: '../nope' }, 400, /Flavor nope could not be found/],
  ['an unknown key', { key_name: 'nope' }, 400, /key_name/],
  ['an unknown network', { networks: [{ uuid: 'ffffffff-0000-4000-8000-000000000000' }] }, 400, /Network .* could not be found/],
  ['a network id of the wrong form', { networks: [{ uuid: 'a-b-c-d-e-f-g-h-i-j' }] }, 400, /networks/],
  ['an unknown port', { networks: [{ port: 'ffffffff-0000-4000-8000-000000000000' }] }, 400, /Port id/],
  ['a port and many servers', { networks: [{ port: 'ffffffff-0000-4000-8000-000000000000' }], max_count: 2 }, 400, /port/],
  ['a malformed fixed ip', { networks: [{ uuid: NETWORK, fixed_ip: '10.0.0.999' }] }, 400, /fixed_ip/],
  ['an unknown security group', { security_groups: [{ name: 'nope' }] }, 400, /Security group nope/],
  ['an unknown zone', { availability_zone: 'mars' }, 400, /availability zone/],
  ['a host named by a tenant', { availability_zone: 'nova:host-1' }, 403, /forced_host/],
  ['min_count above max_count', { min_count: 3, max_count: 2 }, 400, /min_count/],
  ['user data that is no base64', { user_data: '%%%' }, 400, /user_data/],
  ['user data of odd length', { user_data: 'abcde' }, 400, /base64/],
  ['user data above 65535 characters', { user_data: 'A'.repeat(65540) }, 400, /user_data/],
  ['metadata with a long value', { metadata: { a: 'x'.repeat(256) } }, 400, /metadata/],
  ['metadata above the quota', { metadata: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v'])) }, 403, /metadata_items/],
  ['more cores than the quota', { max_count: 21, min_count: 21 }, 403, /Quota exceeded/],
  ['an injected file', { personality: [{ path: '/etc/motd', contents: 'aGk=' }] }, 400, /user_data/],
  ['no image', { imageRef: '' }, 400, /image/],
  ['a malformed IPv6 access address', { accessIPv6: 'notvalid' }, 400, /accessIPv6/],
]; // prettier-ignore

for (const [what, fields, status, message] of REFUSED) {
  test(`refuses ${what} with ${status} and records nothing`, async () => {
    await using cloud = await startComputeHarness();
    const answer = await cloud.call('POST', '/v2.1/servers', { body: body(fields) });
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    const fault = answer.body[status === 400 ? 'badRequest' : 'forbidden'];
    assert.equal(fault.code, status);
    assert.match(fault.message, message);
    await nothingRecorded(cloud);
  });
}

test('refuses readers with 403, no token with 401, and an unscoped token', async () => {
  await using cloud = await startComputeHarness();
  assert.equal((await cloud.call('POST', '/v2.1/servers', { token: 'reader', body: body() })).status, 403);
  const anonymous = await cloud.call('POST', '/v2.1/servers', { token: null, body: body() });
  assert.equal(anonymous.status, 401);
  assert.equal(anonymous.body.error.code, 401);
  await nothingRecorded(cloud);
});

test('refuses an image that is not active, too big, or needs more memory', async () => {
  await using cloud = await startComputeHarness();
  const image = cloud.images.get(IMAGE)!; // seeded
  for (const [change, message] of [
    [{ status: 'queued' }, /not active/],
    [{ min_ram: 1024 }, /memory is too small/],
    [{ min_disk: 5 }, /smaller than the minimum/],
    [{ virtual_size: 3 * 1024 ** 3 }, /disk is too small/],
  ] as const) {
    cloud.images.set(IMAGE, { ...image, ...change });
    const answer = await cloud.call('POST', '/v2.1/servers', { body: body() });
    assert.equal(answer.status, 400);
    assert.match(answer.body.badRequest.message, message);
  }
  await nothingRecorded(cloud);
});

test('asks for a network when there are two, takes none when there is none', async () => {
  await using cloud = await startComputeHarness();
  cloud.network.networks.set('n2', { ...cloud.network.networks.get(NETWORK)!, id: 'n2' });
  const ambiguous = await cloud.call('POST', '/v2.1/servers', { body: body() });
  assert.equal(ambiguous.status, 409);
  assert.match(ambiguous.body.conflictingRequest.message, /Multiple possible networks/);
  const auto = await cloud.at('2.37', 'POST', '/v2.1/servers', { body: body({ networks: 'auto' }) });
  assert.equal(auto.status, 409);
  cloud.network.networks.clear();
  const none = await cloud.at('2.37', 'POST', '/v2.1/servers', { body: body({ networks: 'auto' }) });
  assert.equal(none.status, 400);
  assert.match(none.body.badRequest.message, /automatically allocate/);
  cloud.network.networks.set(AUTO_NETWORK, { id: AUTO_NETWORK, project_id: 'nobody', subnets: ['s'] });
  const made = await cloud.at('2.37', 'POST', '/v2.1/servers', { body: body({ networks: 'auto' }) });
  assert.equal(made.status, 202);
  const wanted = await cloud.kysely
    .selectFrom('instances')
    .select('networks_json')
    .where('id', '=', made.body.server.id)
    .executeTakeFirstOrThrow();
  assert.deepEqual(JSON.parse(wanted.networks_json), [{ kind: 'network', network_id: AUTO_NETWORK }]);
  const id = await cloud.create();
  const row = await cloud.kysely
    .selectFrom('instances')
    .select('networks_json')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  assert.equal(row.networks_json, '"none"');
});

test('requires networks from 2.37 on, and knows tags from 2.52 and hostname from 2.90', async () => {
  await using cloud = await startComputeHarness();
  assert.equal((await cloud.at('2.36', 'POST', '/v2.1/servers', { body: body() })).status, 202);
  const silent = await cloud.at('2.37', 'POST', '/v2.1/servers', { body: body() });
  assert.equal(silent.status, 400);
  assert.match(silent.body.badRequest.message, /networks/);
  assert.equal(
    (await cloud.at('2.37', 'POST', '/v2.1/servers', { body: body({ networks: 'none' }) })).status,
    202,
  );
  const tagged = await cloud.at('2.52', 'POST', '/v2.1/servers', {
    body: body({ networks: 'none', tags: ['a', 'b', 'a'] }),
  });
  assert.equal(tagged.status, 202);
  const shown = await cloud.at('2.52', 'GET', `/v2.1/servers/${tagged.body.server.id}`);
  assert.deepEqual(shown.body.server.tags, ['a', 'b']);
  assert.equal(
    (await cloud.at('2.89', 'POST', '/v2.1/servers', { body: body({ networks: 'none', hostname: 'web-1' }) }))
      .status,
    400,
  );
  assert.equal(
    (await cloud.at('2.90', 'POST', '/v2.1/servers', { body: body({ networks: 'none', hostname: 'web-1' }) }))
      .status,
    202,
  );
});

test('refuses a device tag where the microversion has none', async () => {
  await using cloud = await startComputeHarness();
  const networks = [{ uuid: NETWORK, tag: 'nic1' }];
  for (const [version, status] of [['2.31', 400], ['2.32', 202], ['2.36', 202], ['2.37', 400], ['2.41', 400], ['2.42', 202]] as const) {
    assert.equal((await cloud.at(version, 'POST', '/v2.1/servers', { body: body({ networks }) })).status, status, version);
  } // prettier-ignore
});

test('refuses a port in use with 409 and takes a free one', async () => {
  await using cloud = await startComputeHarness();
  const port = 'cccccccc-1111-4111-8111-111111111111';
  const row = {
    id: port,
    network_id: NETWORK,
    device_id: 'somebody',
    fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.5' }],
    security_groups: [],
  };
  cloud.network.ports.set(port, row);
  const used = await cloud.call('POST', '/v2.1/servers', { body: body({ networks: [{ port }] }) });
  assert.equal(used.status, 409);
  cloud.network.ports.set(port, { ...row, device_id: '' });
  assert.equal(
    (await cloud.call('POST', '/v2.1/servers', { body: body({ networks: [{ port }] }) })).status,
    202,
  );
});

test('refuses a fixed address that a port has with 400, and records nothing', async () => {
  await using cloud = await startComputeHarness();
  const taken = {
    id: 'cccccccc-1111-4111-8111-111111111112',
    network_id: NETWORK,
    device_id: 'somebody',
    fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.5' }],
  };
  cloud.network.ports.set(taken.id, taken);
  const ask = async (fixed_ip: string) =>
    cloud.call('POST', '/v2.1/servers', { body: body({ networks: [{ uuid: NETWORK, fixed_ip }] }) });
  const refused = await ask('10.0.0.5');
  assert.equal(refused.status, 400);
  assert.equal(
    refused.body.badRequest.message,
    'Fixed IP address 10.0.0.5 is already in use on instance somebody.',
  );
  assert.equal((await cloud.call('GET', '/v2.1/servers')).body.servers.length, 0);
  assert.equal((await ask('10.0.0.6')).status, 202);
});

test('creates many with numbered names, and as many as the quota allows', async () => {
  await using cloud = await startComputeHarness();
  const answer = await cloud.call('POST', '/v2.1/servers', {
    body: body({ min_count: '1', max_count: 15, return_reservation_id: 'True' }),
  });
  assert.equal(answer.status, 202);
  assert.match(answer.body.reservation_id, /^r-[0-9a-z]{8}$/);
  const rows = await cloud.kysely.selectFrom('instances').selectAll().orderBy('launch_index').execute();
  assert.equal(rows.length, 10);
  assert.deepEqual([rows[0]?.name, rows[9]?.name, rows[9]?.hostname], ['web-1', 'web-10', 'web-10']);
  const over = await cloud.call('POST', '/v2.1/servers', { body: body() });
  assert.equal(over.status, 403);
  assert.match(
    over.body.forbidden.message,
    /Quota exceeded for instances: Requested 1, but already used 10 of 10 instances/,
  );
});

test('two creates at once never pass the quota together', async () => {
  await using cloud = await startComputeHarness();
  const answers = await Promise.all(
    Array.from({ length: 14 }, async () => cloud.call('POST', '/v2.1/servers', { body: body() })),
  );
  assert.equal(answers.filter((answer) => answer.status === 202).length, 10);
  assert.equal(answers.filter((answer) => answer.status === 403).length, 4);
});

test("another project's private flavor and another user's key do not exist", async () => {
  await using cloud = await startComputeHarness();
  await cloud.kysely.updateTable('flavors').set({ is_public: 0 }).execute();
  assert.equal((await cloud.call('POST', '/v2.1/servers', { body: body() })).status, 400);
  await cloud.kysely
    .insertInto('flavor_access')
    .values({ flavor_id: FLAVOR, project_id: '11111111111141118111111111111111' })
    .execute();
  assert.equal((await cloud.call('POST', '/v2.1/servers', { body: body() })).status, 202);
});
