import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { passwordOf, startIdentity, type Identity } from './testing/identity-harness.ts';

type Caller = (method: string, url: string, body?: unknown) => Promise<Answer>;

async function adminOf(identity: Identity): Promise<Caller> {
  const token = await identity.admin();
  return async (method, url, body) => identity.call(method, `/v3${url}`, { token, body });
}

async function make(call: Caller, key: string, attributes: object): Promise<string> {
  const answer = await call('POST', `/${key}s`, { [key]: attributes });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body[key].id as string;
}

test('names of domains and projects have up to 64 characters, those of users, groups and roles 255', async () => {
  await using identity = await startIdentity();
  const call = await adminOf(identity);
  for (const key of ['domain', 'project']) {
    const id = await make(call, key, { name: 'x'.repeat(64) });
    const name = 'y'.repeat(65);
    assert.equal((await call('POST', `/${key}s`, { [key]: { name } })).status, 400);
    assert.equal((await call('PATCH', `/${key}s/${id}`, { [key]: { name } })).status, 400);
  }
  for (const key of ['user', 'group', 'role']) {
    await make(call, key, { name: 'x'.repeat(255) });
    assert.equal((await call('POST', `/${key}s`, { [key]: { name: 'x'.repeat(256) } })).status, 400);
  }
});

test('users and groups of a domain that is not there: 404', async () => {
  await using identity = await startIdentity();
  const call = await adminOf(identity);
  for (const key of ['user', 'group']) {
    for (const domain_id of ['none', 'a\u2028b']) {
      const answer = await call('POST', `/${key}s`, { [key]: { name: 'n', domain_id } });
      assert.equal(answer.status, 404);
      assert.match(answer.body.error.message, /Could not find domain/);
    }
  }
});

test('a project that is a domain goes once it is disabled and empty of projects', async () => {
  await using identity = await startIdentity();
  const call = await adminOf(identity);
  const id = await make(call, 'project', { name: 'd', is_domain: true });
  const project = await make(call, 'project', { name: 'within', domain_id: id });
  const user = await make(call, 'user', { name: 'u', domain_id: id });
  const refused = await call('DELETE', `/projects/${id}`);
  assert.equal(refused.status, 403);
  assert.match(refused.body.error.message, /disable it first/);
  assert.equal((await call('PATCH', `/projects/${id}`, { project: { enabled: false } })).status, 200);
  assert.equal((await call('DELETE', `/projects/${id}`)).status, 403, 'a project lies in it');
  assert.equal((await call('DELETE', `/projects/${project}`)).status, 204);
  assert.equal((await call('DELETE', `/projects/${id}`)).status, 204);
  assert.equal((await call('GET', `/domains/${id}`)).status, 404);
  assert.equal((await call('GET', `/users/${user}`)).status, 404);
});

test('the manager of a domain cannot change the domain by way of /projects', async () => {
  await using identity = await startIdentity();
  const call = await adminOf(identity);
  const domain_id = await make(call, 'domain', { name: 'd' });
  const boss = await make(call, 'user', { name: 'boss', domain_id, password: 'pw' });
  const [manager] = (await call('GET', '/roles?name=manager')).body.roles as Array<{ id: string }>;
  await call('PUT', `/domains/${domain_id}/users/${boss}/roles/${manager?.id}`);
  const login = await identity.authenticate(passwordOf('boss', 'pw', domain_id), {
    domain: { id: domain_id },
  });
  const token = login.headers['x-subject-token'] ?? '';
  const url = `/v3/projects/${domain_id}`;
  const body = { project: { enabled: false } };
  assert.equal((await identity.call('PATCH', url, { token, body })).status, 403);
  assert.equal((await identity.call('DELETE', url, { token })).status, 403);
  assert.equal((await call('GET', `/domains/${domain_id}`)).body.domain.enabled, true);
});

test("a domain's role may imply roles of its domain, of another one and of the cloud, but not the other way", async () => {
  await using identity = await startIdentity();
  const call = await adminOf(identity);
  const [one, two] = [await make(call, 'domain', { name: '1' }), await make(call, 'domain', { name: '2' })];
  const prior = await make(call, 'role', { name: 'a', domain_id: one });
  const same = await make(call, 'role', { name: 'b', domain_id: one });
  const other = await make(call, 'role', { name: 'c', domain_id: two });
  const global = await make(call, 'role', { name: 'g' });
  for (const implied of [same, other, global]) {
    assert.equal((await call('PUT', `/roles/${prior}/implies/${implied}`)).status, 201);
  }
  assert.equal((await call('PUT', `/roles/${global}/implies/${prior}`)).status, 403);
  const [admin] = (await call('GET', '/roles?name=admin')).body.roles as Array<{ id: string }>;
  assert.equal((await call('PUT', `/roles/${prior}/implies/${admin?.id}`)).status, 403);
});
