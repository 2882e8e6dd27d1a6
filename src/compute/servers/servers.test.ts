// Lists, views, updates and deletes of servers through the API.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAVOR, IMAGE, startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { PROJECT } from '#test/support/service-harness.ts';

const names = (answer: { body: { servers: Array<{ name: string }> } }): string[] =>
  answer.body.servers.map((server) => server.name);

const list = async (
  cloud: ComputeHarness,
  query: string,
  token = 'member',
  version = '2.1',
): Promise<string[]> => {
  const answer = await cloud.at(version, 'GET', `/v2.1/servers/detail?${query}`, { token });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return names(answer);
};

const FIELDS_2_1 = [
  'OS-DCF:diskConfig', 'OS-EXT-AZ:availability_zone', 'OS-EXT-STS:power_state', 'OS-EXT-STS:task_state', 'OS-EXT-STS:vm_state',
  'OS-SRV-USG:launched_at', 'OS-SRV-USG:terminated_at', 'accessIPv4', 'accessIPv6', 'addresses', 'config_drive', 'created', 'flavor',
  'hostId', 'id', 'image', 'key_name', 'links', 'metadata', 'name', 'os-extended-volumes:volumes_attached', 'progress',
  'security_groups', 'status', 'tenant_id', 'updated', 'user_id',
]; // prettier-ignore

const ADDED: ReadonlyArray<readonly [version: string, fields: readonly string[]]> = [
  ['2.9', ['locked']],
  ['2.19', ['description']],
  ['2.26', ['tags']],
  ['2.63', ['trusted_image_certificates']],
  ['2.71', ['server_groups']],
  ['2.73', ['locked_reason']],
  ['2.90', ['OS-EXT-SRV-ATTR:hostname']],
];

const ADDED_FOR_ADMINS: typeof ADDED = [
  ['2.1', ['OS-EXT-SRV-ATTR:host', 'OS-EXT-SRV-ATTR:hypervisor_hostname', 'OS-EXT-SRV-ATTR:instance_name']],
  [
    '2.3',
    [
      'hostname',
      'reservation_id',
      'launch_index',
      'kernel_id',
      'ramdisk_id',
      'root_device_name',
      'user_data',
    ].map((name) => `OS-EXT-SRV-ATTR:${name}`),
  ],
  ['2.16', ['host_status']],
];

test('shows each field from its microversion on, and not before', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  await cloud.activate(id);
  for (let minor = 1; minor <= 93; minor++) {
    const has = (version: string): boolean => minor >= Number(version.split('.')[1]);
    for (const token of ['member', 'admin']) {
      const shown = await cloud.at(`2.${minor}`, 'GET', `/v2.1/servers/${id}`, { token });
      const extra = [...ADDED, ...(token === 'admin' ? ADDED_FOR_ADMINS : [])].flatMap(([version, fields]) =>
        has(version) ? fields : [],
      );
      const expected = [...new Set([...FIELDS_2_1, ...extra])].toSorted();
      assert.deepEqual(Object.keys(shown.body.server).toSorted(), expected, `2.${minor} for ${token}`);
    }
  }
});

test('links the flavor before 2.47 and embeds it from then on', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  const before = await cloud.at('2.46', 'GET', `/v2.1/servers/${id}`);
  assert.equal(before.body.server.flavor.id, FLAVOR);
  const after = await cloud.at('2.47', 'GET', `/v2.1/servers/${id}`);
  assert.deepEqual(after.body.server.flavor, {
    vcpus: 1, ram: 512, disk: 1, ephemeral: 0, swap: 0, original_name: 'm1.tiny', extra_specs: { 'hw:cpu_policy': 'shared' },
  }); // prettier-ignore
});

test('shows states, addresses, host id and security groups of a running server', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  const building = (await cloud.call('GET', `/v2.1/servers/${id}`)).body.server;
  assert.deepEqual(
    [building.status, building['OS-EXT-STS:task_state'], building.hostId, building.progress],
    ['BUILD', 'scheduling', '', 0],
  );
  await cloud.activate(id);
  const server = (await cloud.call('GET', `/v2.1/servers/${id}`)).body.server;
  assert.equal(server.status, 'ACTIVE');
  assert.match(server.hostId, /^[0-9a-f]{56}$/);
  assert.deepEqual(server.security_groups, [{ name: 'default' }]);
  const [address] = server.addresses.private;
  assert.equal(address['OS-EXT-IPS:type'], 'fixed');
  assert.equal(address.version, 4);
  assert.match(server.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.match(server['OS-SRV-USG:launched_at'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  assert.equal(server.links[0].href, `${server.links[1].href.replace('/compute/', '/compute/v2.1/')}`);
});

test('shows the fault of a failed server; its details to administrators only', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  const fault = { code: 500, message: 'No host', details: 'table', created: new Date().toISOString() };
  await cloud.kysely
    .updateTable('instances')
    .set({ vm_state: 'error', task_state: null, fault_json: JSON.stringify(fault) })
    .execute();
  const tenant = (await cloud.call('GET', `/v2.1/servers/${id}`)).body.server;
  assert.equal(tenant.status, 'ERROR');
  assert.equal(tenant.fault.message, 'No host');
  assert.ok(!('details' in tenant.fault) && !('progress' in tenant));
  assert.equal(
    (await cloud.call('GET', `/v2.1/servers/${id}`, { token: 'admin' })).body.server.fault.details,
    'table',
  );
});

test("another project's server is not found, for every verb", async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PUT', '', { server: { name: 'mine' } }],
    ['DELETE', '', undefined],
    ['POST', '/action', { 'os-stop': null }],
    ['GET', '/metadata', undefined],
    ['GET', '/ips', undefined],
    ['GET', '/os-interface', undefined],
    ['GET', '/os-instance-actions', undefined],
    ['GET', '/os-security-groups', undefined],
    ['GET', '/launch-trace', undefined],
  ] as const) {
    const answer = await cloud.call(method, `/v2.1/servers/${id}${path}`, { token: 'stranger', body });
    assert.equal(answer.status, 404, `${method} ${path}`);
    assert.equal(answer.body.itemNotFound.code, 404);
  }
  const reader = await cloud.call('DELETE', `/v2.1/servers/${id}`, { token: 'reader' });
  assert.equal(reader.status, 403);
  assert.deepEqual(await list(cloud, '', 'stranger'), []);
});

test('a token without a project lists what belongs to nobody: nothing', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  const body = { server_group: { name: 'g', policies: ['affinity'] } };
  await cloud.call('POST', '/v2.1/os-server-groups', { body });
  const unscoped = { token: 'unscoped' };
  for (const path of ['servers', 'servers/detail', 'servers?name=web', `servers?project_id=${PROJECT}`])
    assert.deepEqual((await cloud.call('GET', `/v2.1/${path}`, unscoped)).body, { servers: [] }, path);
  const groups = await cloud.call('GET', '/v2.1/os-server-groups', unscoped);
  assert.deepEqual(groups.body, { server_groups: [] });
  assert.equal((await cloud.call('GET', '/v2.1/servers?all_tenants=1', unscoped)).status, 403);
  assert.equal((await cloud.call('GET', `/v2.1/servers/${id}`, unscoped)).status, 404);
  assert.equal((await cloud.call('GET', '/v2.1/limits', unscoped)).status, 403);
});

test('answers absurd ids with 404', async () => {
  await using cloud = await startComputeHarness();
  for (const id of ['-1', 'x'.repeat(300), '..%2f..%2fetc', '%00', "1' or '1'='1", 'detail2']) {
    assert.equal((await cloud.call('GET', `/v2.1/servers/${id}`)).status, 404, id);
    assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`)).status, 404, id);
  }
});

test('filters lists by everything that clients offer', async () => {
  await using cloud = await startComputeHarness();
  const a = await cloud.create({ name: 'web-1' });
  const b = await cloud.create({ name: 'web-2' });
  await cloud.create({ name: 'db.1' });
  await cloud.activate(a);
  await cloud.activate(b, { vm_state: 'stopped', power_state: 4, host: 'host-2' });
  await cloud.kysely
    .insertInto('instance_tags')
    .values([
      { instance_id: a, tag: 'x' },
      { instance_id: a, tag: 'y' },
      { instance_id: b, tag: 'y' },
    ])
    .execute();
  const row = await cloud.kysely
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', a)
    .executeTakeFirstOrThrow();
  const address = JSON.parse(row.vifs_json)[0].fixed_ips[0].address as string;
  const cases: ReadonlyArray<readonly [query: string, expected: readonly string[], version?: string, token?: string]> = [
    ['', ['db.1', 'web-2', 'web-1']],
    ['sort_key=created_at&sort_dir=asc', ['web-1', 'web-2', 'db.1']],
    ['sort_key=display_name&sort_dir=asc', ['db.1', 'web-1', 'web-2']],
    ['name=web', ['web-2', 'web-1']],
    ['name=^web-1$', ['web-1']],
    ['name=nothing', []],
    ['status=ACTIVE', ['web-1']],
    ['status=shutoff', ['web-2']],
    ['status=ACTIVE&status=BUILD', ['db.1', 'web-1']],
    ['status=NONSENSE', []],
    [`flavor=${FLAVOR}`, ['db.1', 'web-2', 'web-1']],
    ['flavor=other', []],
    [`image=${IMAGE}`, ['db.1', 'web-2', 'web-1']],
    ['image=ffffffff-0000-4000-8000-000000000000', []],
    [`ip=^${address.replaceAll('.', String.raw`\.`)}$`, ['web-1']],
    [`reservation_id=${row.reservation_id}`, ['web-1']],
    ['changes-since=2050-01-01T00:00:00Z', []],
    ['changes-since=2020-01-01T00:00:00Z', ['db.1', 'web-2', 'web-1']],
    ['tags=x,y', ['web-1'], '2.26'],
    ['tags-any=x,y', ['web-2', 'web-1'], '2.26'],
    ['not-tags=x,y', ['db.1', 'web-2'], '2.26'],
    ['not-tags-any=x,y', ['db.1'], '2.26'],
    ['host=host-2', ['db.1', 'web-2', 'web-1']],
    ['all_tenants=1&host=host-2', ['web-2'], '2.1', 'admin'],
    ['all_tenants=1&power_state=4', ['web-2'], '2.1', 'admin'],
    ['power_state=4', ['web-2'], '2.83'],
    ['vm_state=building', ['db.1'], '2.83'],
    ['all_tenants=1&project_id=nobody', [], '2.1', 'admin'],
    ['all_tenants=1&deleted=1', [], '2.1', 'admin'],
    ['all_tenants=1&deleted=maybe', ['db.1', 'web-2', 'web-1'], '2.1', 'admin'],
    ['deleted=1', ['db.1', 'web-2', 'web-1']],
    ['nonsense=1', ['db.1', 'web-2', 'web-1']],
    ['name=WEB', ['web-2', 'web-1']],
    [String.raw`name=^W[d-f]B\W[\d]$`, ['web-2', 'web-1']],
    ['hostname=web', ['web-2', 'web-1'], '2.90'],
    ['availability_zone=no', ['web-2', 'web-1'], '2.83'],
    ['created_at=20', ['db.1', 'web-2', 'web-1'], '2.83'],
    [`created_at=${row.created_at.slice(0, 19)}Z&name=web-1`, ['web-1'], '2.83'],
    ['power_state=[14]', ['web-2', 'web-1'], '2.83'],
    ['power_state=RUNNING', [], '2.83'],
    ['progress=none', [], '2.83'],
    ['config_drive=none', [], '2.83'],
    ['config_drive=false', ['db.1', 'web-2', 'web-1'], '2.83'],
    ['task_state=None', [], '2.83'],
    ['all_tenants=1&description=web', ['web-2', 'web-1'], '2.1', 'admin'],
    ['all_tenants=1&node=-2&host=host-2', [], '2.1', 'admin'],
    ['all_tenants=1&launch_index=0&reservation_id=^r-', ['db.1', 'web-2', 'web-1'], '2.1', 'admin'],
    ['marker=', ['db.1', 'web-2', 'web-1']],
    ['locked=true', [], '2.73'],
    ['locked=false', ['db.1', 'web-2', 'web-1'], '2.73'],
    ['', [], '2.1', 'admin'],
  ]; // prettier-ignore
  for (const [query, expected, version = '2.1', token = 'member'] of cases) {
    assert.deepEqual(
      await list(cloud, query, token, version),
      expected,
      `${query} at ${version} as ${token}`,
    );
  }
  assert.ok((await list(cloud, `ip=${address.slice(0, -1)}`)).includes('web-1'));
});

test('refuses malformed filters, paging and foreign rights', async () => {
  await using cloud = await startComputeHarness();
  for (const [query, status] of [
    ['limit=-1', 400],
    ['limit=x', 400],
    ['marker=nope', 400],
    ['changes-since=yesterday', 400],
    ['sort_key=nonsense', 400],
    ['sort_dir=up', 400],
    ['sort_dir=asc&sort_dir=desc', 400],
    ['sort_key=uuid&sort_dir=asc&sort_dir=desc', 400],
    ['name=', 400],
    ['ip=', 400],
    ['flavor=', 400],
    ['changes-since=', 400],
    ['key_name=', 400],
    ['image=', 200],
    ['tags=', 200],
    ['status=', 200],
    ['name=(', 400],
    ['name=(?=a)', 400],
    ['all_tenants=1', 403],
    ['status=DELETED', 403],
  ] as const) {
    assert.equal((await cloud.call('GET', `/v2.1/servers?${query}`)).status, status, query);
  }
});

test('refuses empty filters from the version on that knows them', async () => {
  await using cloud = await startComputeHarness();
  for (const [version, name, status] of [
    ['2.25', 'tags', 200],
    ['2.26', 'tags', 400],
    ['2.37', 'status', 200],
    ['2.38', 'status', 400],
    ['2.65', 'changes-before', 200],
    ['2.66', 'changes-before', 400],
    ['2.74', 'page_size', 200],
    ['2.75', 'page_size', 400],
  ] as const)
    assert.equal(
      (await cloud.at(version, 'GET', `/v2.1/servers?${name}=`)).status,
      status,
      `${name} ${version}`,
    );
});

test('refuses unknown filters from 2.75 on', async () => {
  await using cloud = await startComputeHarness();
  assert.equal((await cloud.at('2.74', 'GET', '/v2.1/servers?nonsense=1')).status, 200);
  assert.equal((await cloud.at('2.75', 'GET', '/v2.1/servers?nonsense=1')).status, 400);
  assert.equal((await cloud.at('2.75', 'GET', '/v2.1/servers?name=x&limit=1&tags=a')).status, 200);
});

test('a hostile pattern does not hold the process up', async () => {
  await using cloud = await startComputeHarness();
  await cloud.create({ name: 'a'.repeat(250) });
  const began = performance.now();
  assert.deepEqual(await list(cloud, `name=${encodeURIComponent('(a+)+(a+)+(a+)+b$')}`), []);
  assert.ok(performance.now() - began < 2000);
});

test('pages through a list with limit, marker and next links', async () => {
  await using cloud = await startComputeHarness();
  for (let index = 0; index < 5; index++) await cloud.create({ name: `s${index}` });
  for (const sort of [
    '',
    '&sort_key=display_name&sort_dir=asc',
    '&sort_key=launched_at&sort_dir=desc',
    '&name=s',
  ]) {
    const all = await list(cloud, sort);
    const seen: string[] = [];
    let url: string | undefined = `/v2.1/servers/detail?limit=2${sort}`;
    while (url) {
      const page: Awaited<ReturnType<ComputeHarness['call']>> = await cloud.call('GET', url);
      assert.equal(page.status, 200);
      seen.push(...names(page));
      const next = page.body.servers_links?.[0].href as string | undefined;
      url = next?.slice(next.indexOf('/compute') + '/compute'.length);
    }
    assert.deepEqual(seen, all, sort);
  }
  assert.deepEqual(await list(cloud, 'limit=0'), []);
  assert.equal((await list(cloud, 'limit=100')).length, 5);
  const order = 'sort_key=display_name&sort_dir=asc';
  const { servers } = (await cloud.call('GET', `/v2.1/servers?limit=2&${order}`)).body;
  await cloud.bury(servers[1].id);
  assert.deepEqual(await list(cloud, `marker=${servers[1].id}&${order}`), ['s2', 's3', 's4']);
  const foreign = await cloud.call('GET', `/v2.1/servers?marker=${servers[0].id}`, { token: 'stranger' });
  assert.equal(foreign.status, 400);
});

test('a list costs the same number of statements and peer calls, however long', async () => {
  await using cloud = await startComputeHarness();
  const cost = async (): Promise<[statements: number, calls: number]> => {
    const before = cloud.service.deps.db.statements;
    cloud.networkCalls.clear();
    const answer = await cloud.at('2.93', 'GET', '/v2.1/servers/detail?all_tenants=1', { token: 'admin' });
    assert.equal(answer.status, 200);
    return [
      cloud.service.deps.db.statements - before,
      [...cloud.networkCalls.values()].reduce((a, b) => a + b, 0),
    ];
  };
  await cloud.activate(await cloud.create());
  const one = await cost();
  for (let index = 0; index < 8; index++) await cloud.activate(await cloud.create());
  assert.deepEqual(await cost(), one);
  assert.deepEqual(one, [4, 2]);
});

test('updates name, description, addresses; refuses what it does not know', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  const changed = await cloud.at('2.19', 'PUT', `/v2.1/servers/${id}`, {
    body: {
      server: { name: 'new', description: 'words', accessIPv4: '192.0.2.1', accessIPv6: '2001:db8::1' },
    },
  });
  assert.equal(changed.status, 200);
  assert.deepEqual(
    [changed.body.server.name, changed.body.server.description, changed.body.server.accessIPv4],
    ['new', 'words', '192.0.2.1'],
  );
  assert.ok(!('OS-EXT-STS:vm_state' in changed.body.server));
  const later = await cloud.at('2.75', 'PUT', `/v2.1/servers/${id}`, {
    body: { server: { accessIPv4: '' } },
  });
  assert.ok('OS-EXT-STS:vm_state' in later.body.server);
  assert.equal(later.body.server.accessIPv4, '');
  for (const server of [{ name: '' }, { accessIPv6: 'nope' }, { flavorRef: '2' }, { description: 'x' }]) {
    assert.equal((await cloud.call('PUT', `/v2.1/servers/${id}`, { body: { server } })).status, 400);
  }
});

test('deletes a server without a host through the conductor and calls its launch off', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`)).status, 204);
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`)).status, 204);
  const actions = await cloud.kysely
    .selectFrom('instance_actions')
    .selectAll()
    .orderBy('started_at')
    .execute();
  assert.deepEqual(
    actions.map(({ action, cancelled, state }) => [action, cancelled, state]),
    [
      ['create', 1, 'running'],
      ['delete', 0, 'running'],
    ],
  );
  const sent = await cloud.outbox();
  assert.deepEqual(
    sent.map(({ queue, method }) => [queue, method]),
    [
      ['scheduler', 'selectHost'],
      ['conductor', 'deleteServerWithoutHost'],
    ],
  );
  assert.equal(
    (await cloud.call('GET', `/v2.1/servers/${id}`)).body.server['OS-EXT-STS:task_state'],
    'deleting',
  );
  await cloud.bury(id);
  assert.equal((await cloud.call('GET', `/v2.1/servers/${id}`)).status, 404);
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`)).status, 404);
  assert.deepEqual(await list(cloud, 'all_tenants=1&status=deleted', 'admin'), ['web']);
  assert.deepEqual(await list(cloud, 'changes-since=2020-01-01'), ['web']);
});

test('sends the delete of a placed server to its host; a lock keeps tenants from it', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  await cloud.activate(id);
  assert.equal(
    (await cloud.call('POST', `/v2.1/servers/${id}/action`, { body: { lock: null } })).status,
    202,
  );
  const locked = await cloud.call('DELETE', `/v2.1/servers/${id}`);
  assert.equal(locked.status, 409);
  assert.equal(locked.body.conflictingRequest.message, `Instance ${id} is locked`);
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`, { token: 'admin' })).status, 204);
  assert.deepEqual((await cloud.outbox()).at(-1)?.queue, 'compute.host-1');
});

test('tells versions without a token, and 406 for those it does not have', async () => {
  await using cloud = await startComputeHarness();
  const versions = await cloud.call('GET', '/', { token: null });
  assert.equal(versions.body.versions[1].id, 'v2.1');
  const one = await cloud.call('GET', '/v2.1', { token: null });
  assert.equal(one.body.version.min_version, '2.1');
  assert.equal((await cloud.call('GET', '/v2.1/', { token: null })).status, 200);
  const refused = await cloud.at('2.999', 'GET', '/v2.1/servers');
  assert.equal(refused.status, 406);
  assert.equal(refused.body.computeFault.code, 406);
  const legacy = await cloud.call('GET', '/v2.1/servers', {
    headers: { 'x-openstack-nova-api-version': '2.26' },
  });
  assert.equal(legacy.headers['openstack-api-version'], 'compute 2.26');
  assert.equal(legacy.headers['x-openstack-nova-api-version'], '2.26');
});
