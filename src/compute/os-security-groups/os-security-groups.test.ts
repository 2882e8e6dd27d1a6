// Security groups through compute's old paths, on a stand-in for the network service.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inProcessTransport } from '#platform/clients/transport.ts';
import { startComputeHarness } from '#test/support/compute-harness.ts';
import { networkHarness } from '#test/support/network-harness.ts';

const path = '/v2.1/os-security-groups';

test('lists, creates, changes, shows and deletes groups until 2.35', async () => {
  await using cloud = await startComputeHarness();
  const made = await cloud.call('POST', path, {
    body: { security_group: { name: 'web', description: 'ports' } },
  });
  assert.equal(made.status, 200);
  const { id } = made.body.security_group;
  cloud.network.security_groups.set(id, {
    ...cloud.network.security_groups.get(id)!,
    project_id: '11111111111141118111111111111111',
    security_group_rules: [],
  });
  const listed = await cloud.call('GET', path);
  assert.deepEqual(
    listed.body.security_groups.map(({ name }: { name: string }) => name),
    ['default', 'web'],
  );
  const changed = await cloud.call('PUT', `${path}/${id}`, {
    body: { security_group: { name: 'api', description: 'x' } },
  });
  assert.equal(changed.body.security_group.name, 'api');
  assert.equal((await cloud.call('GET', `${path}/${id}`)).body.security_group.name, 'api');
  assert.equal((await cloud.call('DELETE', `${path}/${id}`)).status, 202);
  for (const method of ['GET', 'DELETE'])
    assert.equal((await cloud.call(method, `${path}/${id}`)).status, 404);
  assert.equal((await cloud.call('DELETE', path)).status, 404);
  assert.equal((await cloud.call('DELETE', `${path}/sg-default`)).status, 400);
  assert.equal((await cloud.at('2.36', 'GET', path)).status, 404);
  assert.equal(
    (await cloud.call('POST', path, { token: 'reader', body: { security_group: { name: 'x' } } })).status,
    403,
  );
});

test('shows ingress rules in the old words', async () => {
  await using cloud = await startComputeHarness();
  const rules = [
    {
      id: 'r1',
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
      remote_ip_prefix: '10.0.0.0/8',
      remote_group_id: null,
    },
    {
      id: 'r2',
      direction: 'egress',
      ethertype: 'IPv4',
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_group_id: null,
    },
    {
      id: 'r3',
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_group_id: 'sg-default',
    },
  ];
  cloud.network.security_groups.set('sg-default', {
    ...cloud.network.security_groups.get('sg-default')!,
    security_group_rules: rules,
  });
  const [group] = (await cloud.call('GET', path)).body.security_groups;
  assert.deepEqual(group.rules[0], {
    id: 'r1',
    parent_group_id: 'sg-default',
    ip_protocol: 'tcp',
    from_port: 22,
    to_port: 22,
    group: {},
    ip_range: { cidr: '10.0.0.0/8' },
  });
  assert.deepEqual(
    [group.rules.length, group.rules[1].group.name, group.rules[1].ip_range],
    [2, 'default', {}],
  );
});

test('makes and deletes rules in the old words, in the real network service', async () => {
  await using net = await networkHarness();
  await using cloud = await startComputeHarness({ network: inProcessTransport(net.app, net.api.prefix) });
  const { id } = await net.make('security-groups', { name: 'web' });
  const ssh = { parent_group_id: id, ip_protocol: 'tcp', from_port: 22, to_port: 22, cidr: '10.0.0.0/8' };
  const make = async (rule: object, token = 'member') =>
    cloud.call('POST', '/v2.1/os-security-group-rules', { token, body: { security_group_rule: rule } });
  const made = await make(ssh);
  assert.equal(made.status, 200);
  const { id: rule, ...shown } = made.body.security_group_rule;
  assert.deepEqual(shown, {
    parent_group_id: id,
    ip_protocol: 'tcp',
    from_port: 22,
    to_port: 22,
    group: {},
    ip_range: { cidr: '10.0.0.0/8' },
  });
  const real = (await net.get(`security-group-rules/${rule}`)).body.security_group_rule;
  assert.deepEqual(
    [real.security_group_id, real.direction, real.remote_ip_prefix, real.port_range_min],
    [id, 'ingress', '10.0.0.0/8', 22],
  );
  assert.equal((await make({ ...ssh, to_port: 21 })).status, 400);
  assert.equal((await make(ssh, 'stranger')).status, 404);
  const remove = async (token = 'member') =>
    (await cloud.call('DELETE', `/v2.1/os-security-group-rules/${rule}`, { token })).status;
  assert.equal(await remove('stranger'), 404);
  assert.equal(await remove(), 202);
  assert.equal(await remove(), 404);
});
