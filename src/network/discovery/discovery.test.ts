import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';

test('tells its resources, its zones and its extensions', async () => {
  await using net = await networkHarness();
  const { resources } = (await net.call('GET', '/v2.0')).body;
  const names = resources.map(({ name }: { name: string }) => name);
  for (const name of ['network', 'subnet', 'port', 'subnetpool']) assert.ok(names.includes(name), name);
  const zones = (await net.get('availability_zones')).body.availability_zones;
  const kinds = zones.map(({ name, resource, state }: Record<string, string>) => [name, resource, state]);
  for (const kind of ['network', 'router'])
    assert.ok(
      kinds.some(([, resource, state]: string[]) => resource === kind && state === 'available'),
      kind,
    );
});
