import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';

test('an address group takes and gives up addresses, in their canonical form', async () => {
  await using net = await networkHarness();
  const { id } = await net.make('address-groups', { name: 'a', addresses: ['10.1.0.0/24'] });
  const change = async (what: string, addresses: readonly string[], token = 'member') =>
    net.call('PUT', `/v2.0/address-groups/${id}/${what}`, { token, body: { addresses } });
  const renamed = await net.call('PUT', `/v2.0/address-groups/${id}`, {
    body: { address_group: { name: 'b', description: 'd' } },
  });
  assert.deepEqual([renamed.body.address_group.name, renamed.body.address_group.description], ['b', 'd']);
  const grown = await change('add_addresses', ['10.2.0.7', '2001:DB8::/32']);
  assert.deepEqual(grown.body.address_group.addresses.toSorted(), [
    '10.1.0.0/24',
    '10.2.0.7/32',
    '2001:db8::/32',
  ]);
  assert.equal((await change('add_addresses', ['not an address'])).status, 400);
  const shrunk = await change('remove_addresses', ['10.2.0.7/32']);
  assert.deepEqual(shrunk.body.address_group.addresses.toSorted(), ['10.1.0.0/24', '2001:db8::/32']);
  assert.equal((await change('add_addresses', ['10.3.0.0/24'], 'stranger')).status, 404);
  assert.equal((await change('add_addresses', ['10.3.0.0/24'], 'reader')).status, 403);
});

test('an address scope is renamed by its project', async () => {
  await using net = await networkHarness();
  const { id } = await net.make('address-scopes', { name: 's', ip_version: 4 });
  const rename = async (token: string) =>
    net.call('PUT', `/v2.0/address-scopes/${id}`, { token, body: { address_scope: { name: 't' } } });
  assert.equal((await rename('stranger')).status, 404);
  const renamed = await rename('member');
  assert.deepEqual([renamed.status, renamed.body.address_scope.name], [200, 't']);
});
