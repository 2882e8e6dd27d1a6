import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';

/** One of each kind of resource that has tags, by its path. */
async function oneOfEach(net: NetworkHarness): Promise<readonly string[]> {
  const outside = await net.make('networks', { name: 'out', 'router:external': true }, 'admin');
  await net.make('subnets', { network_id: outside.id, ip_version: 4, cidr: '198.51.100.0/24' }, 'admin');
  const network = await net.make('networks', {});
  const subnet = await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const group = await net.make('security-groups', { name: 'g' });
  const rule = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp' };
  const made = {
    networks: network,
    subnets: subnet,
    subnetpools: await net.make('subnetpools', { name: 'p', prefixes: ['10.8.0.0/16'] }),
    'address-scopes': await net.make('address-scopes', { name: 's', ip_version: 4 }),
    'address-groups': await net.make('address-groups', { name: 'a', addresses: ['10.1.0.0/24'] }),
    ports: await net.make('ports', { network_id: network.id }),
    routers: await net.make('routers', {}),
    floatingips: await net.make('floatingips', { floating_network_id: outside.id }),
    'security-groups': group,
    'security-group-rules': await net.make('security-group-rules', rule),
    policies: await net.make('qos/policies', { project_id: network.project_id }, 'admin'),
  };
  return Object.entries(made).map(([kind, { id }]) => `${kind}/${id}`);
}

test('every kind of resource keeps its tags, one by one and all at once', async () => {
  await using net = await networkHarness();
  for (const path of await oneOfEach(net)) {
    const tags = `/v2.0/${path}/tags`;
    const kept = async (): Promise<unknown> => (await net.call('GET', tags)).body.tags;
    assert.deepEqual(await kept(), [], path);
    const put = await net.call('PUT', tags, { body: { tags: ['red', 'blue'] } });
    assert.deepEqual(put.body, { tags: ['blue', 'red'] }, path);
    assert.equal((await net.call('PUT', `${tags}/green`)).status, 201, path);
    assert.equal((await net.call('PUT', `${tags}/green`)).status, 201, `${path}, again`);
    assert.equal((await net.call('GET', `${tags}/green`)).status, 204, path);
    assert.equal((await net.call('DELETE', `${tags}/red`)).status, 204, path);
    assert.equal((await net.call('DELETE', `${tags}/red`)).status, 404, path);
    assert.deepEqual(await kept(), ['blue', 'green'], path);
    for (const [method, url] of [
      ['GET', tags],
      ['PUT', `${tags}/x`],
      ['DELETE', tags],
    ] as const)
      assert.equal((await net.call(method, url, { token: 'stranger' })).status, 404, `${method} ${url}`);
    assert.equal((await net.call('PUT', tags, { body: { tags: [','] } })).status, 400, path);
    assert.equal((await net.call('PUT', `${tags}/x`, { token: 'reader' })).status, 403, path);
    assert.equal((await net.call('DELETE', tags)).status, 204, path);
    assert.deepEqual(await kept(), [], path);
  }
});
