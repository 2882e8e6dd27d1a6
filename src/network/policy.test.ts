// Each route from the service's own table, tried by callers who may not: one test for all there are and will be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';

const ABSENT = '9f9f9f9f-0000-4000-8000-00000000000f';

test('asks every caller for a token, but for discovery and the list of extensions', async () => {
  await using net = await networkHarness();
  for (const { method, path, auth } of net.routes) {
    if (auth === 'none' || auth === 'optional') continue;
    const answer = await net.call(method, path.replaceAll(/:\w+/g, ABSENT), { token: null });
    assert.equal(answer.status, 401, `${method} ${path}`);
    assert.equal(answer.body.error.title, 'Unauthorized');
  }
});

test('answers 404 for what is not there and 400 for an empty body, never 500', async () => {
  await using net = await networkHarness();
  const ids = [ABSENT, 'x'.repeat(300), '%00', '..%2F..%2Fetc', '%F0%9F%92%A9', "' or 1=1 --"];
  for (const { method, path } of net.routes) {
    if (!path.includes(':')) continue;
    for (const id of ids) {
      const url = path.replaceAll(/:\w+/g, encodeURI(decodeURI(id)).replaceAll('/', '%2F'));
      const answer = await net.call(method, url, {
        token: 'member',
        ...(method === 'PUT' ? { body: {} } : {}),
      });
      assert.ok(
        [200, 204, 400, 403, 404].includes(answer.status),
        `${method} ${path} ${id}: ${answer.status}`,
      );
      const mayAnswer =
        path.includes('/auto-allocated') || path.includes('/quotas') || path.includes('/extensions');
      if (answer.status < 300) assert.ok(mayAnswer, `${method} ${path} ${id}: ${answer.status}`);
    }
  }
  for (const { method, path } of net.routes.filter((route) => route.method === 'POST'))
    for (const body of [{}, [], null, 'x', { network: null }, { networks: [] }])
      assert.equal((await net.call(method, path, { body })).status, 400, `${path} ${JSON.stringify(body)}`);
});

test('lets readers read and nothing else, and hides the resources of others', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  const subnet = await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const group = await net.make('security-groups', { name: 'g' });
  const resources: Array<[string, string, string, Record<string, unknown>]> = [
    ['networks', 'network', network.id, { name: 'x' }],
    ['subnets', 'subnet', subnet.id, { name: 'x' }],
    ['ports', 'port', (await net.make('ports', { network_id: network.id })).id, { network_id: network.id }],
    ['routers', 'router', (await net.make('routers', {})).id, { name: 'x' }],
    [
      'subnetpools',
      'subnetpool',
      (await net.make('subnetpools', { name: 'p', prefixes: ['10.1.0.0/16'] })).id,
      { name: 'x', prefixes: ['10.2.0.0/16'] },
    ],
    [
      'address-scopes',
      'address_scope',
      (await net.make('address-scopes', { name: 's', ip_version: 4 })).id,
      { name: 'x', ip_version: 4 },
    ],
    ['address-groups', 'address_group', (await net.make('address-groups', { name: 'a' })).id, { name: 'x' }],
    ['security-groups', 'security_group', group.id, { name: 'x' }],
  ];
  for (const [path, name, id, body] of resources) {
    const at = `/v2.0/${path}/${id}`;
    const change = { body: { [name]: { description: 'd' } } };
    assert.equal((await net.call('GET', at, { token: 'reader' })).status, 200, path);
    assert.equal((await net.call('PUT', at, { token: 'reader', ...change })).status, 403, path);
    assert.equal((await net.call('DELETE', at, { token: 'reader' })).status, 403, path);
    if (path !== 'subnets')
      assert.equal(
        (await net.call('POST', `/v2.0/${path}`, { token: 'reader', body: { [name]: body } })).status,
        403,
        path,
      );
    for (const method of ['GET', 'PUT', 'DELETE'])
      assert.equal(
        (await net.call(method, at, { token: 'stranger', ...(method === 'PUT' ? change : {}) })).status,
        404,
        `${method} ${path}`,
      );
    const listed = (await net.call('GET', `/v2.0/${path}`, { token: 'stranger' })).body[
      path.replaceAll('-', '_')
    ];
    assert.ok(!listed.some((each: { id: string }) => each.id === id), path);
  }
});
