// Floating IPs and networks through compute's old paths, on a stand-in for the network service.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startComputeHarness } from '#test/support/compute-harness.ts';

const PROJECT = '11111111111141118111111111111111';
const path = '/v2.1/os-floating-ips';

test('allocates, lists, shows and releases floating IPs until 2.35', async () => {
  await using cloud = await startComputeHarness();
  assert.equal((await cloud.call('POST', path, { body: { pool: 'public' } })).status, 404);
  const pool = { id: 'net-ext', name: 'public', project_id: 'other', 'router:external': true };
  cloud.network.networks.set(pool.id, pool);
  assert.deepEqual((await cloud.call('GET', '/v2.1/os-floating-ip-pools')).body, {
    floating_ip_pools: [{ name: 'public' }],
  });
  const made = await cloud.call('POST', path, { body: { pool: 'public' } });
  assert.equal(made.status, 200);
  const { id } = made.body.floating_ip;
  cloud.network.ports.set('p1', { id: 'p1', device_owner: 'compute:nova', device_id: 'server-1' });
  cloud.network.floatingips.set(id, {
    ...cloud.network.floatingips.get(id)!,
    project_id: PROJECT,
    floating_ip_address: '203.0.113.5',
    fixed_ip_address: '10.0.0.5',
    port_id: 'p1',
  });
  const expected = {
    id,
    ip: '203.0.113.5',
    pool: 'public',
    fixed_ip: '10.0.0.5',
    instance_id: 'server-1',
  };
  assert.deepEqual((await cloud.call('GET', path)).body, { floating_ips: [expected] });
  assert.deepEqual((await cloud.call('GET', `${path}/${id}`)).body, { floating_ip: expected });
  const refused = await cloud.call('POST', path, { token: 'reader', body: { pool: 'public' } });
  assert.equal(refused.status, 403);
  assert.equal((await cloud.call('POST', path, { body: { pool: 5 } })).status, 400);
  assert.equal((await cloud.call('DELETE', `${path}/${id}`)).status, 202);
  for (const method of ['GET', 'DELETE'])
    assert.equal((await cloud.call(method, `${path}/${id}`)).status, 404);
  for (const gone of [path, '/v2.1/os-floating-ip-pools'])
    assert.equal((await cloud.at('2.36', 'GET', gone)).status, 404);
});

test('shows networks until 2.35', async () => {
  await using cloud = await startComputeHarness();
  cloud.network.networks.set('net-x', { id: 'net-x', name: 'mine', project_id: PROJECT });
  const { network } = (await cloud.call('GET', '/v2.1/os-networks/net-x')).body;
  assert.deepEqual(
    [network.id, network.label, network.cidr, 'vlan' in network],
    ['net-x', 'mine', null, false],
  );
  const tenants = (await cloud.call('GET', '/v2.1/os-tenant-networks')).body.networks;
  assert.deepEqual(
    tenants.find(({ id }: { id: string }) => id === 'net-x'),
    { id: 'net-x', label: 'mine', cidr: 'None' },
  );
  assert.deepEqual((await cloud.call('GET', '/v2.1/os-tenant-networks/net-x')).body, {
    network: { id: 'net-x', label: 'mine', cidr: 'None' },
  });
  for (const name of ['os-networks', 'os-tenant-networks']) {
    assert.equal((await cloud.call('GET', `/v2.1/${name}/nobody`)).status, 404);
    assert.equal((await cloud.at('2.36', 'GET', `/v2.1/${name}`)).status, 404);
  }
});
