// Version discovery, the API of before microversions beside the one with them, and the other paths of its routes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startComputeHarness } from '#test/support/compute-harness.ts';
import { OTHER_PROJECT, PROJECT } from '#test/support/service-harness.ts';

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

test('shows a version by its name to whoever has a token', async () => {
  await using cloud = await startComputeHarness();
  for (const [path, id] of [
    ['/v2.1/versions/v2.1', 'v2.1'],
    ['/v2.1/versions/v2.0', 'v2.0'],
    ['/v2/versions/v2.1', 'v2.0'],
  ] as const)
    assert.equal((await cloud.call('GET', path)).body.version.id, id, path);
  assert.equal((await cloud.call('GET', '/v2.1/versions/2.1')).status, 404);
  assert.equal((await cloud.call('GET', '/v2.1/versions/v2.1', { token: '' })).status, 401);
});

test('takes the project in the path, if it is the one of the token, and keeps it in links', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  const path = `/v2.1/${PROJECT}`;
  for (const version of ['2.1', '2.17', '2.18', '2.93']) {
    const { servers, servers_links: next } = (await cloud.at(version, 'GET', `${path}/servers?limit=1`)).body;
    const [self, bookmark] = servers[0].links.map(({ href }: { href: string }) => href);
    assert.ok(self.endsWith(`/compute${path}/servers/${id}`), self);
    assert.ok(bookmark.endsWith(`/compute/${PROJECT}/servers/${id}`), bookmark);
    assert.ok(next[0].href.includes(`/compute${path}/servers?`), next[0].href);
  }
  const older = (await cloud.call('GET', `/v2/${PROJECT}/servers/${id}`)).body.server;
  assert.ok(older.links[0].href.endsWith(`/compute/v2/${PROJECT}/servers/${id}`));
  const bare = (await cloud.call('GET', `/v2.1/servers/${id}`)).body.server;
  assert.ok(bare.links[0].href.endsWith(`/compute/v2.1/servers/${id}`));
  for (const [project, status] of [
    [OTHER_PROJECT, 400],
    ['abc', 400],
    ['no-project', 404],
  ] as const)
    for (const [method, rest] of [
      ['GET', 'servers'],
      ['DELETE', `servers/${id}`],
      ['GET', 'os-volumes_boot'],
    ] as const)
      assert.equal(
        (await cloud.call(method, `/v2.1/${project}/${rest}`)).status,
        status,
        `${project} ${rest}`,
      );
  assert.equal((await cloud.call('GET', `${path}/servers`, { token: '' })).status, 401);
  assert.equal((await cloud.call('GET', `${path}/servers`, { token: 'stranger' })).status, 400);
  assert.equal((await cloud.call('DELETE', `${path}/servers/${id}`)).status, 204);
});

test('knows servers by their older path too', async () => {
  await using cloud = await startComputeHarness();
  const id = await cloud.create();
  await cloud.activate(id);
  const path = '/v2.1/os-volumes_boot';
  for (const list of ['', '/detail'])
    assert.equal((await cloud.call('GET', `${path}${list}`)).body.servers[0].id, id);
  assert.equal((await cloud.call('GET', `${path}/${id}`)).body.server.id, id);
  const renamed = { server: { name: 'other' } };
  assert.equal((await cloud.call('PUT', `${path}/${id}`, { body: renamed })).body.server.name, 'other');
  assert.equal((await cloud.call('POST', `${path}/${id}/action`, { body: { lock: null } })).status, 202);
  assert.equal((await cloud.call('GET', `${path}/${id}/ips`)).status, 404);
});
