import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';
import type { Answer } from '#test/support/service-harness.ts';

async function withPort() {
  const net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const port = await net.make(
    'ports',
    { network_id: network.id, device_owner: 'compute:nova', 'binding:host_id': 'host1' },
    'admin',
  );
  const path = `/v2.0/ports/${port.id}/bindings`;
  return {
    net,
    network,
    port,
    path,
    call: (method: string, rest = '', binding?: object, token = 'admin'): Promise<Answer> =>
      net.call(method, `${path}${rest}`, { token, ...(binding ? { body: { binding } } : {}) }),
    shown: async () => (await net.get(`ports/${port.id}`, 'admin')).body.port,
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  };
}

const typeOf = (answer: Answer): [number, string] => [answer.status, answer.body.NeutronError.type];

async function agentsOf(net: NetworkHarness, hosts: readonly string[]): Promise<void> {
  const [agent] = net.northbound.agents();
  assert.ok(agent);
  net.northbound.agents = () => hosts.map((host) => ({ ...agent, host }));
}

test('prepares a port on another host, makes that binding the active one, and removes the old', async () => {
  await using world = await withPort();
  const { call, shown, net } = world;
  await agentsOf(net, ['host1', 'host2', 'host3']);
  const made = await call('POST', '', { host: 'host2', profile: { trusted: 'true' } });
  assert.equal(made.status, 201);
  const { vif_details: details, ...binding } = made.body.binding;
  assert.deepEqual(binding, {
    host: 'host2',
    vif_type: 'ovs',
    vnic_type: 'normal',
    status: 'INACTIVE',
    profile: { trusted: 'true' },
  });
  assert.equal(details.connectivity, 'l2');
  assert.equal((await shown())['binding:host_id'], 'host1');
  assert.equal((await call('POST', '', { host: 'host3', vnic_type: 'normal', profile: null })).status, 201);

  const states = async () =>
    (await call('GET')).body.bindings.map((each: Record<string, string>) => [
      each['host'],
      each['status'],
      each['vif_type'],
    ]);
  assert.deepEqual(await states(), [
    ['host1', 'ACTIVE', 'ovs'],
    ['host2', 'INACTIVE', 'ovs'],
    ['host3', 'INACTIVE', 'ovs'],
  ]);

  const before = await shown();
  const activated = await call('PUT', '/host2/activate');
  assert.equal(activated.status, 200);
  assert.equal(activated.body.status, 'ACTIVE');
  assert.equal(activated.body.host, 'host2');
  const after = await shown();
  assert.equal(after['binding:host_id'], 'host2');
  assert.deepEqual(after['binding:profile'], { trusted: 'true' });
  assert.ok(after.revision_number > before.revision_number);
  assert.deepEqual(await states(), [
    ['host2', 'ACTIVE', 'ovs'],
    ['host1', 'INACTIVE', 'unbound'],
    ['host3', 'INACTIVE', 'ovs'],
  ]);
  assert.ok(net.northbound.told.filter((ref) => ref.kind === 'port').length >= 4, 'OVN is told each time');

  assert.equal((await call('DELETE', '/host1')).status, 204);
  assert.deepEqual(typeOf(await call('GET', '/host1')), [404, 'PortBindingNotFound']);
  assert.equal((await call('DELETE', '/host3')).status, 204);
  const one = await call('GET', '/host2?fields=host&fields=status');
  assert.deepEqual(one.body, { binding: { host: 'host2', status: 'ACTIVE' } });
});

test('filters, orders and pages the bindings of a port', async () => {
  await using world = await withPort();
  const { call, net } = world;
  await agentsOf(net, ['host1', 'host2', 'host3']);
  for (const host of ['host3', 'host2']) await call('POST', '', { host });
  const hosts = async (query: string) =>
    (await call('GET', query)).body.bindings.map((each: { host: string }) => each.host);
  assert.deepEqual(await hosts('?status=INACTIVE'), ['host2', 'host3']);
  assert.deepEqual(await hosts('?host=host3&host=host1'), ['host1', 'host3']);
  assert.deepEqual(await hosts('?sort_key=host&sort_dir=desc&limit=2'), ['host3', 'host2']);
  assert.deepEqual(await hosts('?sort_key=host&sort_dir=desc&limit=2&marker=host2'), ['host1']);
  assert.equal((await call('GET', '?colour=red')).status, 400);
});

test('refuses what is bound already, what is not there, and hosts that OVN does not know', async () => {
  await using world = await withPort();
  const { call, net, network } = world;
  await agentsOf(net, ['host1', 'host2']);
  assert.deepEqual(typeOf(await call('POST', '', { host: 'host1' })), [409, 'PortBindingAlreadyExists']);
  assert.equal((await call('POST', '', { host: 'host2' })).status, 201);
  assert.deepEqual(typeOf(await call('POST', '', { host: 'host2' })), [409, 'PortBindingAlreadyExists']);
  assert.deepEqual(typeOf(await call('POST', '', { host: 'nowhere' })), [409, 'PortBindingError']);
  assert.deepEqual(typeOf(await call('PUT', '/host1/activate')), [409, 'PortBindingAlreadyActive']);
  assert.deepEqual(typeOf(await call('PUT', '/host9/activate')), [404, 'PortBindingNotFound']);
  assert.deepEqual(typeOf(await call('PUT', '/host9', { profile: {} })), [404, 'PortBindingNotFound']);
  assert.deepEqual(typeOf(await call('DELETE', '/host9')), [404, 'PortBindingNotFound']);
  assert.deepEqual(typeOf(await call('PUT', '/host2', { host: 'host1' })), [409, 'PortBindingAlreadyExists']);
  const bodies = [{}, { host: '' }, { host: 'a/b' }, { host: 'host2', status: 'ACTIVE' }, { host: 5 }];
  for (const body of bodies) assert.equal((await call('POST', '', body)).status, 400, JSON.stringify(body));
  assert.equal((await call('POST', '', { host: 'host2', vnic_type: 'direct' })).status, 409);
  assert.deepEqual(typeOf(await call('PUT', '/host2', { vnic_type: 'direct' })), [
    400,
    'UnsupportedVnicType',
  ]);
  const huge = await call('PUT', '/host2', { profile: { x: 'y'.repeat(5000) } });
  assert.deepEqual(typeOf(huge), [400, 'InvalidInput']);
  const free = await net.make('ports', { network_id: network.id });
  const answer = await net.call('GET', `/v2.0/ports/${free.id}/bindings`, { token: 'admin' });
  assert.deepEqual(typeOf(answer), [400, 'BadRequest'], 'the port of no server');
});

test('is for administrators and services alone', async () => {
  await using world = await withPort();
  for (const token of ['member', 'reader', 'stranger']) {
    for (const [method, rest, binding] of [
      ['GET', ''],
      ['GET', '/host1'],
      ['POST', '', { host: 'host2' }],
      ['PUT', '/host1', { profile: {} }],
      ['PUT', '/host1/activate'],
      ['DELETE', '/host1'],
    ] as const)
      assert.equal(
        (await world.call(method, rest, binding, token)).status,
        403,
        `${token} ${method} ${rest}`,
      );
  }
});

test('changes the active binding with its port, and an inactive one by itself', async () => {
  await using world = await withPort();
  const { call, shown, net, port } = world;
  await agentsOf(net, ['host1', 'host2', 'host3']);
  await call('POST', '', { host: 'host2' });
  const active = await call('PUT', '/host1', { profile: { a: 'b' } });
  assert.deepEqual(active.body.binding.profile, { a: 'b' });
  assert.deepEqual((await shown())['binding:profile'], { a: 'b' });
  const other = await call('PUT', '/host2', { host: 'host3', profile: { c: 'd' } });
  assert.deepEqual([other.body.binding.host, other.body.binding.status], ['host3', 'INACTIVE']);
  assert.equal((await call('GET', '/host2')).status, 404);
  assert.deepEqual((await shown())['binding:profile'], { a: 'b' });

  const put = (attributes: object) =>
    net.call('PUT', `/v2.0/ports/${port.id}`, { token: 'admin', body: { port: attributes } });
  assert.equal((await put({ 'binding:host_id': 'host3' })).status, 200);
  const bindings = async () => (await call('GET')).body.bindings.map((each: { host: string }) => each.host);
  assert.deepEqual(await bindings(), ['host3'], 'a host has one binding');
  await call('POST', '', { host: 'host1' });
  assert.equal((await call('DELETE', '/host3')).status, 204);
  assert.deepEqual(await bindings(), [''], 'a port that is bound nowhere is prepared nowhere');
  assert.equal((await shown())['binding:vif_type'], 'unbound');
  assert.equal((await call('POST', '', { host: 'host1' })).body.binding.status, 'INACTIVE');
  assert.equal((await call('PUT', '/host1/activate')).status, 200);
  assert.deepEqual(await bindings(), ['host1']);
  await call('POST', '', { host: 'host2' });
  assert.equal((await net.call('DELETE', `/v2.0/ports/${port.id}`, { token: 'admin' })).status, 204);
  assert.deepEqual(
    await net.api.deps.db.kysely.selectFrom('port_bindings').selectAll().execute(),
    [],
    'its bindings go with it',
  );
});
