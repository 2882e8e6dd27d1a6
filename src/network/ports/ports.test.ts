import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';
import { OTHER_PROJECT } from '#test/support/service-harness.ts';

test('creates a port with addresses, MAC and the default group, and shows it', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  const v4 = await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const v6 = await net.make('subnets', {
    network_id: network.id,
    ip_version: 6,
    cidr: 'fd00::/64',
    ipv6_ra_mode: 'slaac',
    ipv6_address_mode: 'slaac',
  });
  const port = await net.make(
    'ports',
    { network_id: network.id, mac_address: 'FA:16:3E:11:22:33', name: 'p' },
    'member',
  );
  assert.equal(port.mac_address, 'fa:16:3e:11:22:33');
  assert.deepEqual(port.fixed_ips, [
    { subnet_id: v4.id, ip_address: '10.0.0.3' },
    { subnet_id: v6.id, ip_address: 'fd00::f816:3eff:fe11:2233' },
  ]);
  assert.equal(port.security_groups.length, 1);
  assert.equal(port.status, 'DOWN');
  assert.equal(port['binding:host_id'], undefined, 'bindings are hidden from users');
  assert.equal(port['binding:vnic_type'], 'normal');
  const shown = await net.get(`ports/${port.id}`, 'admin');
  assert.equal(shown.body.port['binding:vif_type'], 'unbound');
  assert.equal((await net.get(`ports/${port.id}`, 'stranger')).status, 404);
});

test('gives no address twice, whoever asks at the same time', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  await net.make('subnets', {
    network_id: network.id,
    ip_version: 4,
    cidr: '10.0.0.0/27',
    enable_dhcp: false,
  });
  const answers = await Promise.all(
    Array.from({ length: 40 }, () =>
      net.call('POST', '/v2.0/ports', { body: { port: { network_id: network.id } } }),
    ),
  );
  const made = answers.filter((answer) => answer.status === 201);
  assert.equal(made.length, 29, 'a /27 without network, broadcast and gateway');
  assert.equal(new Set(made.map((answer) => answer.body.port.fixed_ips[0].ip_address)).size, 29);
  const refused = answers.find((answer) => answer.status !== 201);
  assert.equal(refused?.status, 409);
  assert.equal(refused?.body.NeutronError.type, 'IpAddressGenerationFailure');
  const freed = made[5]?.body.port;
  assert.equal((await net.call('DELETE', `/v2.0/ports/${freed.id}`)).status, 204);
  const again = await net.make('ports', { network_id: network.id });
  assert.equal(again.fixed_ips[0].ip_address, freed.fixed_ips[0].ip_address);
});

test('refuses addresses that do not fit', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  const subnet = await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const first = await net.make('ports', { network_id: network.id, fixed_ips: [{ ip_address: '10.0.0.9' }] });
  const post = (port: object) =>
    net.call('POST', '/v2.0/ports', { body: { port: { network_id: network.id, ...port } } });
  const refusals: Array<[object, number, string]> = [
    [{ fixed_ips: [{ ip_address: '10.0.0.9' }] }, 409, 'IpAddressAlreadyAllocated'],
    [{ fixed_ips: [{ ip_address: '10.0.1.9' }] }, 400, 'InvalidIpForNetwork'],
    [{ fixed_ips: [{ ip_address: '10.0.0.255', subnet_id: subnet.id }] }, 400, 'InvalidIpForSubnet'],
    [{ fixed_ips: [{ subnet_id: crypto.randomUUID() }] }, 400, 'InvalidInput'],
    [{ mac_address: first.mac_address }, 403, 'PolicyNotAuthorized'],
    [{ device_owner: 'network:dhcp' }, 403, 'PolicyNotAuthorized'],
    [{ 'binding:host_id': 'host1' }, 403, 'PolicyNotAuthorized'],
    [{ security_groups: [crypto.randomUUID()] }, 404, 'SecurityGroupNotFound'],
    [{ nonsense: 1 }, 400, 'HTTPBadRequest'],
    [{ name: 'a'.repeat(256) }, 400, 'HTTPBadRequest'],
    [{ name: 'a\u0000b' }, 400, 'HTTPBadRequest'],
  ];
  for (const [body, status, type] of refusals) {
    const answer = await post(body);
    const expected =
      type === 'PolicyNotAuthorized' && 'mac_address' in body ? [409, 'MacAddressInUse'] : [status, type];
    assert.deepEqual([answer.status, answer.body.NeutronError.type], expected, JSON.stringify(body));
  }
});

test('keeps strangers off networks that are not theirs', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const post = (body: object, token: string) =>
    net.call('POST', '/v2.0/ports', { token, body: { port: { network_id: network.id, ...body } } });
  assert.equal((await post({}, 'stranger')).status, 404);
  assert.equal((await post({}, 'reader')).status, 403);
  const shared = await net.call('PUT', `/v2.0/networks/${network.id}`, {
    token: 'admin',
    body: { network: { shared: true } },
  });
  assert.equal(shared.body.network.shared, true);
  const theirs = await post({}, 'stranger');
  assert.equal(theirs.status, 201);
  assert.equal(theirs.body.port.project_id, OTHER_PROJECT);
  assert.equal((await post({ fixed_ips: [{ ip_address: '10.0.0.77' }] }, 'stranger')).status, 403);
  assert.equal(
    (
      await net.call('PUT', `/v2.0/networks/${network.id}`, {
        token: 'admin',
        body: { network: { shared: false } },
      })
    ).status,
    409,
  );
});

test('publishes a nudge when a bound port comes up', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  const port = await net.make('ports', { network_id: network.id });
  const seen = Promise.withResolvers<unknown>();
  await net.context.bus.subscribe(`network.port.${port.id}`, seen.resolve);
  const updated = await net.call('PUT', `/v2.0/ports/${port.id}`, {
    token: 'service',
    body: { port: { 'binding:host_id': 'host1', device_id: 'server', device_owner: 'compute:nova' } },
  });
  assert.equal(updated.status, 200);
  assert.equal(updated.body.port.status, 'ACTIVE');
  assert.equal(updated.body.port['binding:vif_type'], 'ovs');
  assert.deepEqual(await seen.promise, {
    port_id: port.id,
    device_id: 'server',
    status: 'ACTIVE',
    host: 'host1',
  });
  const state = await net.get(`ports/${port.id}/trace`, 'service');
  assert.deepEqual(state.body.port_trace.missing, null);
  assert.equal((await net.get(`ports/${port.id}/trace`)).status, 403);
});

test('answers while OVN is away and keeps the work', async () => {
  await using net = await networkHarness();
  net.northbound.cut = true;
  const answer = await net.call('POST', '/v2.0/networks', { body: { network: { name: 'n' } } });
  assert.equal(answer.status, 201);
  assert.equal(JSON.parse(answer.headers['x-pileus-northbound'] ?? '{}').pending, true);
});

test('filters, sorts and pages lists', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  const subnet = await net.make('subnets', {
    network_id: network.id,
    ip_version: 4,
    cidr: '10.0.0.0/24',
    enable_dhcp: false,
  });
  const ids: string[] = [];
  for (const name of ['c', 'a', 'b'])
    ids.push(
      (await net.make('ports', { network_id: network.id, name, device_id: name === 'a' ? '' : 'd' })).id,
    );
  const names = async (query: string) =>
    (await net.get(`ports?${query}`)).body.ports.map((port: { name: string }) => port.name);
  assert.deepEqual(await names('sort_key=name&sort_dir=asc'), ['a', 'b', 'c']);
  assert.deepEqual(await names('sort_key=name&sort_dir=desc&limit=2'), ['c', 'b']);
  assert.deepEqual(await names('name=a&name=b&sort_key=name&sort_dir=asc'), ['a', 'b']);
  assert.deepEqual(await names('device_id='), ['a']);
  assert.deepEqual(await names(`fixed_ips=subnet_id%3D${subnet.id}&sort_key=name&sort_dir=asc`), [
    'a',
    'b',
    'c',
  ]);
  assert.deepEqual(await names('fixed_ips=ip_address%3D10.0.0.2'), ['c']);
  assert.deepEqual(await names('status=ACTIVE'), []);
  const page = await net.get(`ports?sort_key=name&sort_dir=asc&limit=1&marker=${ids[1]}&fields=name`);
  assert.deepEqual(page.body.ports, [{ name: 'b' }]);
  assert.deepEqual(
    page.body.ports_links.map((link: { rel: string }) => link.rel),
    ['next', 'previous'],
  );
  assert.equal((await net.get('ports?nonsense=1')).status, 400);
  assert.equal((await net.get('ports?limit=-1')).status, 400);
});

test('takes as many statements for a list of 60 ports as for one of 2', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  await net.make('subnets', {
    network_id: network.id,
    ip_version: 4,
    cidr: '10.0.0.0/24',
    enable_dhcp: false,
  });
  const statementsOfList = async (): Promise<number> => {
    const before = net.statements();
    await net.get('ports');
    return net.statements() - before;
  };
  for (let made = 0; made < 2; made++) await net.make('ports', { network_id: network.id });
  const few = await statementsOfList();
  const bulk = await net.call('POST', '/v2.0/ports', {
    body: { ports: Array.from({ length: 58 }, () => ({ network_id: network.id })) },
  });
  assert.equal(bulk.body.ports.length, 58);
  assert.equal(await statementsOfList(), few);
});

test('honours If-Match and bumps the revision', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  const change = (headers: Record<string, string>) =>
    net.call('PUT', `/v2.0/networks/${network.id}`, { body: { network: { name: 'm' } }, headers });
  assert.equal((await change({ 'if-match': 'revision_number=9' })).status, 412);
  const done = await change({ 'if-match': `revision_number=${network.revision_number}` });
  assert.equal(done.body.network.revision_number, network.revision_number + 1);
});
