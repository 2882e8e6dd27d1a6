// Version discovery, and the API of before microversions beside the one with them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startComputeHarness } from '#test/support/compute-harness.ts';

test('lists v2.0 before v2.1, each with a document of its own at its link', async () => {
  await using cloud = await startComputeHarness();
  const { versions } = (await cloud.call('GET', '/', { token: '' })).body;
  assert.deepEqual(
    versions.map(({ id }: { id: string }) => id),
    ['v2.0', 'v2.1'],
  );
  for (const [id, path] of [
    ['v2.0', '/v2/'],
    ['v2.1', '/v2.1/'],
  ] as const) {
    const { version } = (await cloud.call('GET', path, { token: '' })).body;
    assert.equal(version.id, id);
    const listed = versions.find((each: { id: string }) => each.id === id);
    assert.ok(version.links[0].href.endsWith(path));
    assert.deepEqual(listed.links, version.links.slice(0, 1));
  }
});

test('v2.0 drops what it does not know of a body, and knows no microversions', async () => {
  await using cloud = await startComputeHarness();
  const body = { keypair: { name: 'k', comment: 'mine' }, more: 1 };
  assert.equal((await cloud.call('POST', '/v2.1/os-keypairs', { body })).status, 400);
  const made = await cloud.at('2.2', 'POST', '/v2/os-keypairs', { body });
  assert.equal(made.status, 200, 'answered as at 2.1');
  assert.ok(!('type' in made.body.keypair));
  assert.equal(
    (await cloud.call('POST', '/v2/os-keypairs', { body: { keypair: { name: '' } } })).status,
    400,
  );
  const known = await cloud.call('GET', '/v2.1/os-keypairs/k');
  assert.equal(known.body.keypair.name, 'k');
  const { 'openstack-api-version': version } = (await cloud.call('GET', '/v2/os-keypairs')).headers;
  assert.equal(version, undefined);
});
