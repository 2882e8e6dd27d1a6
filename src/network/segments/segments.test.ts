import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';

test('shows administrators the segment that each network is', async () => {
  await using net = await networkHarness({ physicalNetworks: [{ name: 'physnet1' }] });
  const tunnel = await net.make('networks', { name: 'tunnel' });
  const vlan = await net.make(
    'networks',
    {
      name: 'vlan',
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 55,
    },
    'admin',
  );
  const list = async (query = '', token = 'admin') =>
    (await net.get(`segments${query}`, token)).body.segments as Array<Record<string, unknown>>;
  assert.equal((await list()).length, 2);
  const [found, ...more] = await list('?network_type=vlan&physical_network=physnet1');
  assert.deepEqual(more, []);
  assert.deepEqual([found?.['network_id'], found?.['segmentation_id']], [vlan.id, 55]);
  assert.deepEqual(
    (await list(`?network_id=${tunnel.id}&fields=network_type`)).map((each) => each['network_type']),
    ['geneve'],
  );
  assert.equal((await list('?limit=1&sort_key=segmentation_id&sort_dir=asc')).length, 1);
  const shown = await net.get(`segments/${String(found?.['id'])}`, 'admin');
  assert.deepEqual(shown.body.segment, found);
  assert.equal((await net.get(`segments/${crypto.randomUUID()}`, 'admin')).status, 404);
  assert.equal((await net.get(`segments/${String(found?.['id'])}`)).status, 403);
  assert.deepEqual(await list('', 'member'), []);
});
