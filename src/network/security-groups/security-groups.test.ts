import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';

test('makes each project its default group with four rules, once', async () => {
  await using net = await networkHarness();
  const lists = await Promise.all([
    net.get('security-groups'),
    net.get('security-groups'),
    net.get('security-groups', 'stranger'),
  ]);
  const [first, second, other] = lists.map((answer) => answer.body.security_groups);
  assert.deepEqual(
    first.map((group: { name: string }) => group.name),
    ['default'],
  );
  assert.equal(second[0].id, first[0].id);
  assert.notEqual(other[0].id, first[0].id);
  const rules = first[0].security_group_rules.map(
    (rule: Record<string, unknown>) =>
      `${rule['direction']} ${rule['ethertype']} ${rule['remote_group_id'] === first[0].id}`,
  );
  assert.deepEqual(rules.sort(), [
    'egress IPv4 false',
    'egress IPv6 false',
    'ingress IPv4 true',
    'ingress IPv6 true',
  ]);
  const refused = await net.call('POST', '/v2.0/security-groups', {
    body: { security_group: { name: 'default' } },
  });
  assert.equal(refused.status, 409);
  assert.equal((await net.call('DELETE', `/v2.0/security-groups/${first[0].id}`)).status, 409);
  assert.equal(
    (
      await net.call('PUT', `/v2.0/security-groups/${first[0].id}`, {
        body: { security_group: { name: 'x' } },
      })
    ).status,
    409,
  );
});

test('checks rules with the words that clients look for', async () => {
  await using net = await networkHarness();
  const group = await net.make('security-groups', { name: 'web' });
  assert.equal(group.security_group_rules.length, 2);
  const post = (rule: object) =>
    net.call('POST', '/v2.0/security-group-rules', {
      body: { security_group_rule: { security_group_id: group.id, direction: 'ingress', ...rule } },
    });
  const tcp = { protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
  const made = await post(tcp);
  assert.equal(made.status, 201);
  assert.equal(made.body.security_group_rule.ethertype, 'IPv4');
  const cases: Array<[object, number, RegExp]> = [
    [tcp, 409, /already exists/],
    [{ ...tcp, protocol: 6 }, 409, /already exists/],
    [{ ...tcp, protocol: 'TCP', remote_ip_prefix: '0.0.0.0/0' }, 409, /already exists/],
    [{ protocol: 'tcp', port_range_min: -16, port_range_max: 80 }, 400, /Invalid value for port -16/],
    [
      { protocol: 'tcp', port_range_min: 80, port_range_max: 79 },
      400,
      /port_range_min must be <= port_range_max/,
    ],
    [{ protocol: 'tcp', port_range_min: 80, port_range_max: 65536 }, 400, /Invalid value for port 65536/],
    [{ protocol: 'tcp', port_range_max: 6 }, 400, /port_range_min must be <= port_range_max/],
    [{ protocol: 'icmp', port_range_min: 1, port_range_max: 256 }, 400, /Invalid value for ICMP code/],
    [{ protocol: 'icmp', port_range_min: -1, port_range_max: 25 }, 400, /Invalid value/],
    [{ protocol: 'icmp', port_range_max: 6 }, 400, /ICMP type \(port-range-min\) is missing/],
    [{ protocol: 'icmp', port_range_min: 300, port_range_max: 1 }, 400, /Invalid value for ICMP type/],
    [{ protocol: 'bad_protocol_name' }, 400, /not supported/],
    [{ protocol: 256 }, 400, /not supported/],
    [{ ethertype: 'bad_ethertype' }, 400, /ethertype/],
    [{ remote_ip_prefix: '192.168.1./24' }, 400, /prefix/],
    [{ remote_ip_prefix: 'fd00::/64', ethertype: 'IPv4' }, 400, /Conflicting/],
    [{ remote_group_id: crypto.randomUUID() }, 404, /could not be found/],
    [{ remote_group_id: 'bad_group_id' }, 404, /could not be found/],
    [{ remote_group_id: group.id, remote_ip_prefix: '10.0.0.0/8' }, 400, /Only remote_ip_prefix/],
    [{ security_group_id: crypto.randomUUID() }, 404, /could not be found/],
    [{ direction: 'sideways' }, 400, /direction/],
  ];
  for (const [rule, status, message] of cases) {
    const answer = await post(rule);
    assert.equal(answer.status, status, JSON.stringify([rule, answer.body]));
    assert.match(answer.body.NeutronError.message, message);
  }
  const number = await post({ protocol: 89 });
  assert.equal(number.body.security_group_rule.protocol, '89');
  assert.equal(
    (await net.get(`security-group-rules/${number.body.security_group_rule.id}`, 'stranger')).status,
    404,
  );
  assert.equal(
    (await net.call('DELETE', `/v2.0/security-group-rules/${number.body.security_group_rule.id}`)).status,
    204,
  );
  const groupNow = (await net.get(`security-groups/${group.id}`)).body.security_group;
  assert.equal(groupNow.security_group_rules.length, 3);
});

test('keeps a group that ports use, and tells OVN what changed', async () => {
  await using net = await networkHarness();
  const group = await net.make('security-groups', { name: 'web' });
  const network = await net.make('networks', { name: 'n' });
  const port = await net.make('ports', { network_id: network.id, security_groups: [group.id] });
  assert.equal((await net.call('DELETE', `/v2.0/security-groups/${group.id}`)).status, 409);
  await net.call('PUT', `/v2.0/ports/${port.id}`, { body: { port: { security_groups: [] } } });
  net.northbound.told.length = 0;
  assert.equal((await net.call('DELETE', `/v2.0/security-groups/${group.id}`)).status, 204);
  assert.ok(net.northbound.told.some((ref) => ref.kind === 'security_group' && ref.id === group.id));
});

test('shares a group with one project by policy', async () => {
  await using net = await networkHarness();
  const group = await net.make('security-groups', { name: 'web' });
  assert.equal((await net.get(`security-groups/${group.id}`, 'stranger')).status, 404);
  const policy = {
    object_type: 'security_group',
    object_id: group.id,
    action: 'access_as_shared',
    target_tenant: '22222222222242228222222222222222',
  };
  const made = await net.make('rbac-policies', policy);
  assert.equal((await net.get(`security-groups/${group.id}`, 'stranger')).status, 200);
  const retarget = async (target_tenant: string, token: string) =>
    net.call('PUT', `/v2.0/rbac-policies/${made.id}`, { token, body: { rbac_policy: { target_tenant } } });
  assert.equal((await retarget('*', 'member')).status, 403);
  assert.equal((await retarget('*', 'stranger')).status, 404);
  const elsewhere = '77777777777747778777777777777777';
  assert.equal((await retarget(elsewhere, 'admin')).body.rbac_policy.target_tenant, elsewhere);
  assert.equal((await net.get(`security-groups/${group.id}`, 'stranger')).status, 404);
  assert.equal((await retarget(policy.target_tenant, 'admin')).status, 200);
  assert.equal(
    (await net.call('DELETE', `/v2.0/security-groups/${group.id}`, { token: 'stranger' })).status,
    403,
  );
  assert.equal(
    (await net.call('POST', '/v2.0/rbac-policies', { body: { rbac_policy: policy } })).status,
    409,
  );
  assert.equal(
    (
      await net.call('POST', '/v2.0/rbac-policies', {
        body: { rbac_policy: { ...policy, target_tenant: '*' } },
      })
    ).status,
    403,
  );
});

test('holds projects to their quotas and shows them', async () => {
  await using net = await networkHarness();
  const project = '11111111111141118111111111111111';
  assert.equal(
    (await net.call('PUT', `/v2.0/quotas/${project}`, { body: { quota: { network: 1 } } })).status,
    403,
  );
  const set = await net.call('PUT', `/v2.0/quotas/${project}`, {
    token: 'admin',
    body: { quota: { network: 1, port: -1 } },
  });
  assert.equal(set.body.quota.network, 1);
  await net.make('networks', { name: 'a' });
  const over = await net.call('POST', '/v2.0/networks', { body: { network: {} } });
  assert.deepEqual([over.status, over.body.NeutronError.type], [409, 'OverQuota']);
  const details = await net.get(`quotas/${project}/details`);
  assert.deepEqual(details.body.quota.network, { limit: 1, used: 1, reserved: 0 });
  assert.equal((await net.get(`quotas/${project}`, 'stranger')).status, 403);
  assert.deepEqual((await net.get(`quotas/${project}/details.json`)).body, details.body);
  const { quotas } = (await net.get('quotas', 'admin')).body;
  assert.deepEqual(
    quotas.map((each: { project_id: string; network: number }) => [each.project_id, each.network]),
    [[project, 1]],
    'those of projects with limits of their own',
  );
  assert.equal((await net.get('quotas')).status, 403);
  assert.deepEqual((await net.get('quotas/project')).body, { project: { project_id: project } });
  assert.deepEqual((await net.get('quotas/tenant')).body, { tenant: { tenant_id: project } });
  assert.equal((await net.call('DELETE', `/v2.0/quotas/${project}`, { token: 'admin' })).status, 204);
  assert.equal((await net.get(`quotas/${project}`)).body.quota.network, 100);
});

test('keeps tags and finds by them', async () => {
  await using net = await networkHarness();
  const a = await net.make('networks', { name: 'a' });
  await net.make('networks', { name: 'b' });
  const tags = `networks/${a.id}/tags`;
  assert.deepEqual((await net.call('PUT', `/v2.0/${tags}`, { body: { tags: ['red', 'blue'] } })).body, {
    tags: ['blue', 'red'],
  });
  assert.equal((await net.call('PUT', `/v2.0/${tags}/green`)).status, 201);
  assert.equal((await net.get(`${tags}/green`)).status, 204);
  assert.equal((await net.get(`${tags}/grey`)).status, 404);
  const names = async (query: string) =>
    (await net.get(`networks?${query}`)).body.networks.map((each: { name: string }) => each.name);
  assert.deepEqual(await names('tags=red,blue'), ['a']);
  assert.deepEqual(await names('not-tags=red'), ['b']);
  assert.deepEqual(await names('tags-any=red,x'), ['a']);
  assert.deepEqual(await names('not-tags-any=red,x'), ['b']);
  assert.equal((await net.call('DELETE', `/v2.0/${tags}`)).status, 204);
  assert.equal((await net.call('PUT', `/v2.0/${tags}/x`, { token: 'stranger' })).status, 404);
});
