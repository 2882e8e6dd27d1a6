import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';
import type { Answer, JsonValue } from '#test/support/service-harness.ts';

const PHYSICAL = { 'provider:network_type': 'flat', 'provider:physical_network': 'public' };

async function policy(net: NetworkHarness, fields: Record<string, unknown> = {}): Promise<JsonValue> {
  return net.make('qos/policies', { name: 'p', ...fields }, 'admin');
}

function rule(
  net: NetworkHarness,
  id: string,
  kind: string,
  fields: Record<string, unknown>,
  token = 'admin',
): Promise<Answer> {
  const body = { [`${kind}_rule`]: fields };
  return net.call('POST', `/v2.0/qos/policies/${id}/${kind}_rules`, { token, body });
}

function set(
  net: NetworkHarness,
  path: string,
  fields: Record<string, unknown>,
  token = 'admin',
): Promise<Answer> {
  const [plural = '', ...rest] = path.split('/');
  const name = plural === 'qos' ? 'policy' : plural.slice(0, -1);
  return net.call('PUT', `/v2.0/${[plural, ...rest].join('/')}`, { token, body: { [name]: fields } });
}

async function refused(answer: Promise<Answer>, status: number, type: string): Promise<void> {
  const { status: got, body } = await answer;
  assert.deepEqual([got, body.NeutronError?.type], [status, type], JSON.stringify(body));
}

test('a policy has rules of each kind, by its path and by their own ids', async () => {
  await using net = await networkHarness();
  const { id } = await policy(net, { description: 'slow' });
  const made = await rule(net, id, 'bandwidth_limit', { max_kbps: '3000', max_burst_kbps: 300 });
  assert.equal(made.status, 201);
  const limit = made.body.bandwidth_limit_rule;
  assert.deepEqual(limit, { id: limit.id, max_kbps: 3000, max_burst_kbps: 300, direction: 'egress' });
  const mark = (await rule(net, id, 'dscp_marking', { dscp_mark: 26 })).body.dscp_marking_rule;
  const least = (await rule(net, id, 'minimum_bandwidth', { min_kbps: 1000 })).body.minimum_bandwidth_rule;
  const shown = (await net.get(`qos/policies/${id}`, 'admin')).body.policy;
  assert.deepEqual(shown.rules, [
    { ...limit, qos_policy_id: id, type: 'bandwidth_limit' },
    { ...mark, qos_policy_id: id, type: 'dscp_marking' },
    { ...least, qos_policy_id: id, type: 'minimum_bandwidth' },
  ]);
  assert.deepEqual([shown.shared, shown.is_default, shown.revision_number], [false, false, 3]);
  for (const [kind, fields, changed] of [
    ['bandwidth_limit', { max_kbps: 4000 }, { ...limit, max_kbps: 4000 }],
    ['dscp_marking', { dscp_mark: 8 }, { ...mark, dscp_mark: 8 }],
    ['minimum_bandwidth', { direction: 'ingress' }, { ...least, direction: 'ingress' }],
  ] as const) {
    const at = `/v2.0/qos/policies/${id}/${kind}_rules`;
    const one = `${at}/${changed.id}`;
    const alias = `/v2.0/qos/alias_${kind}_rules/${changed.id}`;
    const put = await net.call('PUT', one, { token: 'admin', body: { [`${kind}_rule`]: fields } });
    assert.deepEqual(put.body, { [`${kind}_rule`]: changed });
    assert.deepEqual((await net.call('GET', one, { token: 'admin' })).body, { [`${kind}_rule`]: changed });
    assert.deepEqual((await net.call('GET', at, { token: 'admin' })).body, { [`${kind}_rules`]: [changed] });
    const again = await net.call('PUT', alias, { token: 'admin', body: { [`alias_${kind}_rule`]: fields } });
    assert.deepEqual(again.body, { [`alias_${kind}_rule`]: changed });
    const byAlias = (await net.call('GET', alias, { token: 'admin' })).body;
    assert.deepEqual(byAlias, { [`alias_${kind}_rule`]: changed });
    await refused(net.call('GET', alias), 404, 'QosRuleNotFound');
    const other = await policy(net);
    await refused(
      net.call('GET', `/v2.0/qos/policies/${other.id}/${kind}_rules/${changed.id}`, { token: 'admin' }),
      404,
      'QosRuleNotFound',
    );
    assert.equal((await net.call('DELETE', one, { token: 'admin' })).status, 204);
    await refused(net.call('DELETE', one, { token: 'admin' }), 404, 'QosRuleNotFound');
    const { id: fresh } = (await rule(net, id, kind, { ...changed, id: undefined })).body[`${kind}_rule`];
    const byItself = `/v2.0/qos/alias_${kind}_rules/${fresh}`;
    assert.equal((await net.call('DELETE', byItself, { token: 'admin' })).status, 204);
  }
  const list = (await net.get('qos/policies?description=slow', 'admin')).body.policies;
  assert.deepEqual([list.length, list[0].rules], [1, []]);
});

test('rules that contradict, repeat or say nonsense are refused', async () => {
  await using net = await networkHarness();
  const { id } = await policy(net);
  assert.equal((await rule(net, id, 'bandwidth_limit', { max_kbps: 1000 })).status, 201);
  await refused(rule(net, id, 'bandwidth_limit', { max_kbps: 2000 }), 409, 'NeutronDbObjectDuplicateEntry');
  assert.equal((await rule(net, id, 'bandwidth_limit', { max_kbps: 1, direction: 'ingress' })).status, 201);
  await refused(rule(net, id, 'minimum_bandwidth', { min_kbps: 1001 }), 409, 'QoSRuleParameterConflict');
  await refused(rule(net, id, 'dscp_marking', { dscp_mark: 1 }), 400, 'InvalidInput');
  await refused(rule(net, id, 'bandwidth_limit', { max_kbps: -1 }), 400, 'InvalidInput');
  await refused(rule(net, id, 'bandwidth_limit', {}), 400, 'HTTPBadRequest');
  await refused(rule(net, id, 'bandwidth_limit', { max_kbps: 1, direction: 'any' }), 400, 'HTTPBadRequest');
  await refused(rule(net, crypto.randomUUID(), 'dscp_marking', { dscp_mark: 8 }), 404, 'QosPolicyNotFound');
});

test('projects use the policies that they see, and administrators make them', async () => {
  await using net = await networkHarness();
  const { id } = await policy(net);
  const own = await net.make('networks', {});
  const port = await net.make('ports', { network_id: own.id });
  await refused(set(net, `ports/${port.id}`, { qos_policy_id: id }, 'member'), 404, 'QosPolicyNotFound');
  await refused(net.call('GET', `/v2.0/qos/policies/${id}`), 404, 'QosPolicyNotFound');
  await refused(
    net.call('POST', '/v2.0/qos/policies', { body: { policy: { name: 'mine' } } }),
    403,
    'PolicyNotAuthorized',
  );
  // What an administrator hung on stays until who may more takes it off.
  assert.equal((await set(net, `ports/${port.id}`, { qos_policy_id: id })).body.port.qos_policy_id, id);
  await refused(
    set(net, `ports/${port.id}`, { qos_policy_id: null }, 'member'),
    403,
    'PolicyRemoveAuthorizationError',
  );
  await refused(net.call('DELETE', `/v2.0/qos/policies/${id}`, { token: 'admin' }), 409, 'QosPolicyInUse');
  const share = {
    object_type: 'qos_policy',
    object_id: id,
    action: 'access_as_shared',
    target_tenant: own.project_id,
  };
  const rbac = await net.make('rbac-policies', share, 'admin');
  const seen = (await net.get(`qos/policies/${id}`)).body.policy;
  assert.equal(seen.shared, true);
  await refused(
    net.call('PUT', `/v2.0/qos/policies/${id}`, { body: { policy: { name: 'x' } } }),
    403,
    'PolicyNotAuthorized',
  );
  await refused(rule(net, id, 'dscp_marking', { dscp_mark: 8 }, 'member'), 403, 'PolicyNotAuthorized');
  await refused(
    net.call('DELETE', `/v2.0/rbac-policies/${rbac.id}`, { token: 'admin' }),
    409,
    'RbacPolicyInUse',
  );
  assert.equal((await set(net, `ports/${port.id}`, { qos_policy_id: null }, 'member')).status, 200);
  assert.equal((await net.call('DELETE', `/v2.0/rbac-policies/${rbac.id}`, { token: 'admin' })).status, 204);
  await refused(net.call('GET', `/v2.0/qos/policies/${id}`), 404, 'QosPolicyNotFound');
  const open = { body: { policy: { shared: true } }, token: 'admin' };
  assert.equal((await net.call('PUT', `/v2.0/qos/policies/${id}`, open)).body.policy.shared, true);
  assert.equal((await net.get(`qos/policies/${id}`)).status, 200);
  assert.equal((await net.call('DELETE', `/v2.0/qos/policies/${id}`, { token: 'admin' })).status, 204);
});

test('ports and floating IPs follow the policy of their network, new networks the default of their project', async () => {
  await using net = await networkHarness();
  const first = await net.make('networks', {});
  assert.equal(first.qos_policy_id, null);
  const project = { project_id: first.project_id, shared: true };
  const fallback = await policy(net, { ...project, is_default: true });
  await refused(
    net.call('POST', '/v2.0/qos/policies', {
      token: 'admin',
      body: { policy: { ...project, is_default: true } },
    }),
    409,
    'QoSPolicyDefaultAlreadyExists',
  );
  const network = await net.make('networks', {});
  assert.equal(network.qos_policy_id, fallback.id);
  assert.equal((await net.make('networks', { qos_policy_id: null })).qos_policy_id, null);
  const port = await net.make('ports', { network_id: network.id });
  assert.deepEqual([port.qos_policy_id, port.qos_network_policy_id], [null, fallback.id]);
  const own = await policy(net, { shared: true });
  const changed = (await set(net, `ports/${port.id}`, { qos_policy_id: own.id }, 'member')).body.port;
  assert.deepEqual([changed.qos_policy_id, changed.qos_network_policy_id], [own.id, fallback.id]);
  assert.equal((await net.get(`ports?qos_policy_id=${own.id}`)).body.ports.length, 1);
  const external = await net.make('networks', { 'router:external': true, qos_policy_id: own.id }, 'admin');
  await net.make('subnets', { network_id: external.id, ip_version: 4, cidr: '198.51.100.0/24' }, 'admin');
  const fip = await net.make('floatingips', { floating_network_id: external.id });
  assert.deepEqual([fip.qos_policy_id, fip.qos_network_policy_id], [null, own.id]);
  const limited = await set(net, `floatingips/${fip.id}`, { qos_policy_id: fallback.id }, 'member');
  assert.equal(limited.body.floatingip.qos_policy_id, fallback.id);
  const cleared = await set(net, `networks/${network.id}`, { qos_policy_id: null }, 'member');
  assert.equal(cleared.body.network.qos_policy_id, null);
  await refused(
    net.call('DELETE', `/v2.0/qos/policies/${fallback.id}`, { token: 'admin' }),
    409,
    'QosPolicyInUse',
  );
});

test('a minimum bandwidth is asked of a host by ports on physical networks alone', async () => {
  await using net = await networkHarness();
  const { id } = await policy(net, { shared: true });
  const plain = await net.make('networks', {});
  const tunnelled = await net.make('ports', { network_id: plain.id, qos_policy_id: id });
  await refused(rule(net, id, 'minimum_bandwidth', { min_kbps: 1 }), 409, 'QosRuleNotSupported');
  assert.equal((await set(net, `ports/${tunnelled.id}`, { qos_policy_id: null })).status, 200);
  assert.equal((await rule(net, id, 'minimum_bandwidth', { min_kbps: 1000 })).status, 201);
  assert.equal(
    (await rule(net, id, 'minimum_bandwidth', { min_kbps: 500, direction: 'ingress' })).status,
    201,
  );
  await refused(set(net, `ports/${tunnelled.id}`, { qos_policy_id: id }), 409, 'QosRuleNotSupported');
  await refused(set(net, `networks/${plain.id}`, { qos_policy_id: id }), 409, 'QosRuleNotSupportedByNetwork');
  const network = await net.make('networks', { ...PHYSICAL, shared: true }, 'admin');
  const port = await net.make('ports', { network_id: network.id, qos_policy_id: id });
  assert.equal('resource_request' in port, false, 'members see nothing of it');
  const asked = (await net.get(`ports/${port.id}`, 'admin')).body.port.resource_request;
  assert.deepEqual(asked, {
    request_groups: [
      {
        id: asked.same_subtree[0],
        required: ['CUSTOM_PHYSNET_PUBLIC', 'CUSTOM_VNIC_TYPE_NORMAL'],
        resources: { NET_BW_EGR_KILOBIT_PER_SEC: 1000, NET_BW_IGR_KILOBIT_PER_SEC: 500 },
      },
    ],
    same_subtree: asked.same_subtree,
  });
  assert.equal((await net.get(`ports/${tunnelled.id}`, 'admin')).body.port.resource_request, null);
  // A server's port keeps what was reserved for it.
  await set(net, `ports/${port.id}`, { device_owner: 'compute:nova', device_id: 'server' });
  await refused(set(net, `ports/${port.id}`, { qos_policy_id: null }), 409, 'QosPolicyInUse');
  const { rules } = (await net.get(`qos/policies/${id}`, 'admin')).body.policy;
  const gone = net.call('DELETE', `/v2.0/qos/alias_minimum_bandwidth_rules/${rules[0].id}`, {
    token: 'admin',
  });
  await refused(gone, 501, 'HTTPNotImplemented');
});

test('the kinds of rules are listed, and administrators see what they take', async () => {
  await using net = await networkHarness();
  const types = (await net.get('qos/rule-types')).body.rule_types;
  assert.deepEqual(types, [
    { type: 'bandwidth_limit' },
    { type: 'dscp_marking' },
    { type: 'minimum_bandwidth' },
  ]);
  const { rule_type: shown } = (await net.get('qos/rule-types/dscp_marking', 'admin')).body;
  assert.equal(shown.drivers[0].supported_parameters[0].parameter_name, 'dscp_mark');
  assert.equal((await net.get('qos/rule-types/dscp_marking')).status, 403);
  assert.equal((await net.get('qos/rule-types/packet_rate_limit', 'admin')).status, 404);
});
