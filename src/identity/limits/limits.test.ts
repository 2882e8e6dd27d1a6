import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { ADMIN_PASSWORD, onProject, passwordOf, startIdentity } from '../testing/identity-harness.ts';

test('limits are registered by service, set for projects and domains, and seen by whom they concern', async () => {
  await using identity = await startIdentity();
  const login = await identity.authenticate(passwordOf('admin', ADMIN_PASSWORD), { system: { all: true } });
  const system = login.headers['x-subject-token'] ?? '';
  const admin = await identity.admin();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const call = async (method: string, path: string, body?: unknown, token = system): Promise<Answer> =>
    identity.call(method, `/v3/${path}`, { token, ...(body === undefined ? {} : { body }) });
  const service = (await call('GET', 'services?name=nova')).body.services[0].id as string;
  const project = (await call('GET', 'projects?name=demo')).body.projects[0].id as string;
  const registered = { service_id: service, resource_name: 'cores', default_limit: 10 };
  assert.equal(
    (await call('POST', 'registered_limits', { registered_limits: [registered] }, demo)).status,
    403,
  );
  const made = await call('POST', 'registered_limits', {
    registered_limits: [registered, { ...registered, region_id: 'RegionOne', description: 'here' }],
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const [one, here] = made.body.registered_limits as Array<{ id: string; region_id: string | null }>;
  assert.equal(here?.region_id, 'RegionOne');
  assert.equal((await call('POST', 'registered_limits', { registered_limits: [registered] })).status, 409);
  for (const bad of [
    [],
    [{ ...registered, default_limit: -2 }],
    [{ ...registered, default_limit: '1' }],
    [{ ...registered, service_id: 'none' }],
    [{ ...registered, region_id: 'none' }],
    [{ ...registered, more: 1 }],
  ]) {
    assert.equal((await call('POST', 'registered_limits', { registered_limits: bad })).status, 400);
  }
  assert.equal((await call('GET', 'registered_limits', undefined, demo)).body.registered_limits.length, 2);
  const listed = await call('GET', 'registered_limits?region_id=RegionOne', undefined, demo);
  assert.equal(listed.body.registered_limits.length, 1);

  const limit = { service_id: service, resource_name: 'cores', resource_limit: 5 };
  const own = await call('POST', 'limits', {
    limits: [
      { ...limit, project_id: project },
      { ...limit, domain_id: 'default', region_id: 'RegionOne' },
    ],
  });
  assert.equal(own.status, 201, JSON.stringify(own.body));
  const [first, second] = own.body.limits as Array<{ id: string; domain_id: string | null }>;
  assert.equal(second?.domain_id, 'default');
  assert.equal((await call('POST', 'limits', { limits: [{ ...limit, project_id: project }] })).status, 409);
  for (const [bad, status] of [
    [{ ...limit, project_id: project, resource_name: 'other' }, 403],
    [{ ...limit, project_id: 'none' }, 400],
    [{ ...limit, domain_id: project }, 400],
    [{ ...limit, project_id: project, domain_id: 'default' }, 400],
    [limit, 400],
  ] as const) {
    assert.equal((await call('POST', 'limits', { limits: [bad] })).status, status, JSON.stringify(bad));
  }
  const count = async (token: string, query = ''): Promise<number> =>
    (await call('GET', `limits${query}`, undefined, token)).body.limits.length;
  assert.equal(await count(system), 2);
  assert.equal(await count(system, `?project_id=${project}`), 1);
  assert.equal(await count(demo), 1);
  assert.equal(await count(admin), 0, "another project's");
  assert.equal((await call('GET', `limits/${first?.id}`, undefined, demo)).body.limit.resource_limit, 5);
  assert.equal((await call('GET', `limits/${second?.id}`, undefined, demo)).status, 403);
  assert.equal((await call('GET', 'limits/none')).status, 404);
  assert.equal((await call('GET', 'limits/model', undefined, demo)).body.model.name, 'flat');
  const patched = await call('PATCH', `limits/${first?.id}`, { limit: { resource_limit: 0 } });
  assert.equal(patched.body.limit.resource_limit, 0);
  assert.equal((await call('PATCH', `limits/${first?.id}`, { limit: { project_id: 'x' } })).status, 400);
  const used = { registered_limit: { default_limit: 11 } };
  assert.equal((await call('PATCH', `registered_limits/${one?.id}`, used)).status, 403, 'in use');
  assert.equal((await call('DELETE', `registered_limits/${one?.id}`)).status, 403);
  assert.equal((await call('DELETE', `services/${service}`)).status, 403);
  assert.equal((await call('DELETE', `limits/${first?.id}`, undefined, demo)).status, 403);
  assert.equal((await call('DELETE', `limits/${first?.id}`)).status, 204);
  assert.equal(
    (await call('PATCH', `registered_limits/${one?.id}`, used)).body.registered_limit.default_limit,
    11,
  );
  assert.equal(
    (await call('PATCH', `registered_limits/${one?.id}`, { registered_limit: { region_id: 'RegionOne' } }))
      .status,
    409,
  );
  assert.equal((await call('GET', `registered_limits/${one?.id}`)).body.registered_limit.id, one?.id);
  assert.equal((await call('DELETE', `registered_limits/${one?.id}`)).status, 204);
  assert.equal((await call('GET', `registered_limits/${one?.id}`)).status, 404);
});
