import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';
import type { Answer } from '#test/support/service-harness.ts';

const typeOf = (answer: Answer): [number, string] => [answer.status, answer.body.NeutronError.type];

test('adds prefixes to a pool and takes them out, also parts of them, but none that a subnet has', async () => {
  await using net = await networkHarness();
  const pool = await net.make('subnetpools', { name: 'p', prefixes: ['10.0.0.0/24'], default_prefixlen: 26 });
  const put = async (verb: string, prefixes: unknown, token = 'member'): Promise<Answer> =>
    net.call('PUT', `/v2.0/subnetpools/${pool.id}/${verb}_prefixes`, { token, body: { prefixes } });
  assert.deepEqual((await put('add', ['10.0.1.0/24', '10.0.9.0/24'])).body, {
    prefixes: ['10.0.0.0/23', '10.0.9.0/24'],
  });
  const network = await net.make('networks', { name: 'n' });
  const subnet = await net.make('subnets', { network_id: network.id, ip_version: 4, subnetpool_id: pool.id });
  assert.equal(subnet.cidr, '10.0.0.0/26');
  assert.deepEqual(typeOf(await put('remove', ['10.0.0.32/27'])), [400, 'IllegalSubnetPoolPrefixUpdate']);
  assert.deepEqual((await put('remove', ['10.0.1.64/26', '10.0.9.0/24'])).body, {
    prefixes: ['10.0.0.0/24', '10.0.1.0/26', '10.0.1.128/25'],
  });
  assert.deepEqual((await put('remove', ['192.0.2.0/24'])).body.prefixes.length, 3, 'nothing to remove');
  for (const wrong of [[], ['x'], ['fd00::/64'], 'x', undefined])
    assert.equal((await put('add', wrong)).status, 400, JSON.stringify(wrong));
  assert.equal((await put('add', ['10.9.0.0/24'], 'reader')).status, 403);
  assert.equal((await put('remove', ['10.0.0.0/24'], 'stranger')).status, 404);
});

test('takes the subnets of a network into a pool, with its address scope', async () => {
  await using net = await networkHarness();
  const scope = await net.make('address-scopes', { name: 's', ip_version: 4 });
  const pool = await net.make('subnetpools', {
    name: 'p',
    prefixes: ['10.0.0.0/24'],
    address_scope_id: scope.id,
  });
  const network = await net.make('networks', { name: 'n' });
  const cidrs = ['192.0.2.0/24', '198.51.100.0/24'];
  for (const cidr of cidrs) await net.make('subnets', { network_id: network.id, ip_version: 4, cidr });
  await net.make('subnets', { network_id: network.id, ip_version: 6, cidr: 'fd00::/64' });
  const onboard = async (networkId: unknown, token = 'member'): Promise<Answer> =>
    net.call('PUT', `/v2.0/subnetpools/${pool.id}/onboard_network_subnets`, {
      token,
      body: { network_id: networkId },
    });
  const done = await onboard(network.id);
  assert.equal(done.status, 200);
  assert.deepEqual(done.body.map((each: { cidr: string }) => each.cidr).toSorted(), cidrs);
  const { subnets } = (await net.get(`subnets?subnetpool_id=${pool.id}`)).body;
  assert.equal(subnets.length, 2, 'those of the other IP version stay out');
  const shown = (await net.get(`subnetpools/${pool.id}`)).body.subnetpool;
  assert.deepEqual(shown.prefixes, ['10.0.0.0/24', '192.0.2.0/24', '198.51.100.0/24']);
  assert.equal((await net.get(`networks/${network.id}`)).body.network.ipv4_address_scope, scope.id);
  assert.deepEqual(typeOf(await onboard(network.id)), [400, 'IllegalSubnetPoolUpdate'], 'once');
  assert.deepEqual(typeOf(await onboard(crypto.randomUUID())), [404, 'NetworkNotFound']);
  assert.equal((await onboard('x')).status, 400);

  const rival = await net.make('subnetpools', {
    name: 'r',
    prefixes: ['203.0.113.0/24'],
    address_scope_id: scope.id,
  });
  const clash = await net.make('networks', { name: 'c' });
  await net.make('subnets', { network_id: clash.id, ip_version: 4, cidr: '203.0.113.0/25' });
  assert.equal((await onboard(clash.id)).status, 409, `in the scope that ${rival.id} is in`);
  const shared = await net.make('networks', { name: 's', shared: true }, 'admin');
  await net.make('subnets', { network_id: shared.id, ip_version: 4, cidr: '203.0.114.0/24' }, 'admin');
  assert.equal((await onboard(shared.id)).status, 403, 'a network that is only shared');
});

test('lists the subnets that floating IPs come from', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'out', 'router:external': true }, 'admin');
  const subnet = await net.make(
    'subnets',
    { network_id: network.id, ip_version: 4, cidr: '198.18.0.0/24', name: 'pool' },
    'admin',
  );
  await net.make('subnets', { network_id: network.id, ip_version: 6, cidr: 'fd00::/64' }, 'admin');
  const inner = await net.make('networks', { name: 'in' });
  await net.make('subnets', { network_id: inner.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const [pool, ...more] = (await net.get('floatingip_pools')).body.floatingip_pools;
  assert.deepEqual(more, []);
  assert.deepEqual(
    [pool.subnet_id, pool.subnet_name, pool.network_id, pool.cidr],
    [subnet.id, 'pool', network.id, '198.18.0.0/24'],
  );
  assert.deepEqual((await net.get('floatingip_pools?subnet_name=none')).body, { floatingip_pools: [] });
});
