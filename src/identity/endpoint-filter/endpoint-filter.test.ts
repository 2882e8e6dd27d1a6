import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { onProject, startIdentity, type Identity } from '../testing/identity-harness.ts';

const FILTER = '/v3/OS-EP-FILTER';

async function named(identity: Identity, token: string, what: string, name: string): Promise<string> {
  const answer = await identity.call('GET', `/v3/${what}?name=${name}`, { token });
  return answer.body[what][0].id as string;
}

test('a project that has endpoints, itself or by a group, sees no others in its catalog', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const project = await named(identity, token, 'projects', 'demo');
  const nova = await named(identity, token, 'services', 'nova');
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> =>
    identity.call(method, `${FILTER}${path}`, { token, ...(body === undefined ? {} : { body }) });
  const catalog = async (): Promise<string[]> => {
    const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
    const answer = await identity.call('GET', '/v3/auth/catalog', { token: demo });
    return answer.body.catalog.flatMap((each: { name: string; endpoints: Array<{ interface: string }> }) =>
      each.endpoints.map((endpoint) => `${each.name} ${endpoint.interface}`),
    );
  };
  const all = await catalog();
  const endpoints = (await identity.call('GET', '/v3/endpoints?interface=public', { token })).body
    .endpoints as Array<{ id: string; service_id: string; url: string }>;
  const identityId = await named(identity, token, 'services', 'keystone');
  const one = endpoints.find((each) => each.service_id === identityId)?.id ?? '';
  const tie = `/projects/${project}/endpoints/${one}`;
  assert.equal((await call('HEAD', tie)).status, 404);
  assert.equal((await call('PUT', tie)).status, 204);
  assert.equal((await call('PUT', tie)).status, 409);
  for (const method of ['GET', 'HEAD']) assert.equal((await call(method, tie)).status, 204, method);
  assert.deepEqual(await catalog(), ['keystone public']);
  const made = await call('POST', '/endpoint_groups', {
    endpoint_group: { name: 'compute', filters: { service_id: nova, interface: 'internal' } },
  });
  assert.equal(made.status, 201);
  const group = `/endpoint_groups/${made.body.endpoint_group.id}`;
  assert.equal((await call('PUT', `${group}/projects/${project}`)).status, 204);
  assert.deepEqual(await catalog(), ['nova internal', 'keystone public']);
  const shown = (await call('GET', `${group}/projects/${project}`)).body.project_endpoint_group;
  assert.equal(shown.project_id, project);
  for (const path of [group, `${group}/projects/${project}`])
    assert.equal((await call('HEAD', path)).status, 200, path);
  assert.equal((await call('GET', group)).body.endpoint_group.name, 'compute');
  assert.equal((await call('GET', '/endpoint_groups')).body.endpoint_groups.length, 1);
  const counts = async (path: string, key: string): Promise<number> =>
    (await call('GET', path)).body[key].length;
  assert.equal(await counts(`${group}/projects`, 'projects'), 1);
  assert.equal(await counts(`${group}/endpoints`, 'endpoints'), 1);
  assert.equal(await counts(`/projects/${project}/endpoints`, 'endpoints'), 2);
  assert.equal(await counts(`/projects/${project}/endpoint_groups`, 'endpoint_groups'), 1);
  assert.equal(await counts(`/endpoints/${one}/projects`, 'projects'), 1);
  const patch = { endpoint_group: { filters: { interface: 'admin', service_id: nova } } };
  assert.equal((await call('PATCH', group, patch)).status, 200);
  assert.deepEqual(await catalog(), ['nova admin', 'keystone public']);
  assert.equal((await call('DELETE', tie)).status, 204);
  assert.equal((await call('DELETE', tie)).status, 404);
  assert.equal((await call('DELETE', `${group}/projects/${project}`)).status, 204);
  assert.equal((await call('DELETE', `${group}/projects/${project}`)).status, 404);
  assert.equal((await call('DELETE', group)).status, 204);
  assert.equal((await call('GET', group)).status, 404);
  assert.deepEqual(await catalog(), all, 'all again');
});

test('what is no endpoint group is refused, and members may nothing', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const status = async (endpoint_group: unknown): Promise<number> =>
    (await identity.call('POST', `${FILTER}/endpoint_groups`, { token, body: { endpoint_group } })).status;
  assert.equal(await status({ name: 'x' }), 400);
  assert.equal(await status({ name: 'x', filters: {} }), 400);
  assert.equal(await status({ name: 'x', filters: { url: 'y' } }), 400);
  assert.equal(await status({ filters: { interface: 'public' } }), 400);
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  for (const path of [
    'endpoint_groups',
    'endpoint_groups/x',
    'projects/x/endpoints',
    'endpoints/x/projects',
  ]) {
    assert.equal((await identity.call('GET', `${FILTER}/${path}`, { token: demo })).status, 403);
    if (path !== 'endpoint_groups') {
      assert.equal((await identity.call('GET', `${FILTER}/${path}`, { token })).status, 404);
    }
  }
});

test('a token is validated without asking what catalogs are limited to, but for the first time', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const cost = async (): Promise<number> => {
    const body = { region: { description: String(Math.random()) } };
    await identity.call('PATCH', '/v3/regions/RegionOne', { token, body }); // empties what is remembered
    const before = identity.service.deps.db.statements;
    await identity.service.deps.tokens.validate(demo);
    return identity.service.deps.db.statements - before;
  };
  assert.equal(
    await cost(),
    8,
    'user, domain, project, roles, what they imply, assignments, services and endpoints',
  );
});
