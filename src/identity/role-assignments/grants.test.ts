import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { passwordOf, startIdentity } from '../testing/identity-harness.ts';

test('a role is given, found, listed and taken on each kind of target, to users and to groups', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const call = async (method: string, url: string, body?: unknown): Promise<Answer> =>
    identity.call(method, `/v3${url}`, { token, body });
  const made = async (key: string, attributes: object): Promise<string> => {
    const answer = await call('POST', `/${key}s`, { [key]: attributes });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body[key].id;
  };
  const domain = await made('domain', { name: 'd' });
  const project = await made('project', { name: 'p', domain_id: domain });
  const user = await made('user', { name: 'u', domain_id: domain, password: 'pw' });
  const group = await made('group', { name: 'g', domain_id: domain });
  const role = await made('role', { name: 'operator' });
  const login = await identity.authenticate(passwordOf('u', 'pw', domain));
  const stranger = login.headers['x-subject-token'] ?? '';

  for (const [target, suffix] of [
    [`/projects/${project}`, ''],
    [`/domains/${domain}`, ''],
    ['/system', ''],
    [`/OS-INHERIT/projects/${project}`, '/inherited_to_projects'],
    [`/OS-INHERIT/domains/${domain}`, '/inherited_to_projects'],
  ] as const)
    for (const actor of [`users/${user}`, `groups/${group}`]) {
      const roles = `${target}/${actor}/roles`;
      const grant = `${roles}/${role}${suffix}`;
      const listed = async (): Promise<string[]> => {
        const answer = await call('GET', `${roles}${suffix}`);
        assert.equal(answer.status, 200, roles);
        return answer.body.roles.map(({ id }: { id: string }) => id);
      };
      assert.deepEqual(await listed(), [], roles);
      for (const method of ['GET', 'HEAD', 'DELETE'])
        assert.equal((await call(method, grant)).status, 404, `${method} ${grant}`);
      assert.equal((await identity.call('PUT', `/v3${grant}`, { token: stranger })).status, 403, grant);
      assert.equal((await call('PUT', grant)).status, 204, grant);
      assert.deepEqual(await listed(), [role], roles);
      for (const method of ['GET', 'HEAD'])
        assert.equal((await call(method, grant)).status, 204, `${method} ${grant}`);
      assert.equal((await call('DELETE', grant)).status, 204, grant);
      assert.deepEqual(await listed(), [], roles);
    }
});

test('a token for a domain and for the system tells what it is for, and where else one can go', async () => {
  await using identity = await startIdentity();
  const admin = await identity.admin();
  const put = async (url: string): Promise<void> =>
    assert.equal((await identity.call('PUT', `/v3${url}`, { token: admin })).status, 204, url);
  const { users } = (await identity.call('GET', '/v3/users?name=demo', { token: admin })).body;
  const { roles } = (await identity.call('GET', '/v3/roles?name=reader', { token: admin })).body;
  const [user, role] = [users[0].id, roles[0].id];
  await put(`/domains/default/users/${user}/roles/${role}`);
  await put(`/system/users/${user}/roles/${role}`);
  const token = await identity.logIn('demo', identity.passwords['demo'] ?? '');
  const scopes = async (what: string): Promise<unknown> =>
    (await identity.call('GET', `/v3/auth/${what}`, { token })).body[what];
  assert.deepEqual(
    ((await scopes('domains')) as Array<{ id: string }>).map(({ id }) => id),
    ['default'],
  );
  assert.deepEqual(await scopes('system'), [{ all: true }]);
  const subject = { token, headers: { 'x-subject-token': token } };
  assert.equal((await identity.call('HEAD', '/v3/auth/tokens', subject)).status, 200);
  const absent = { token, headers: { 'x-subject-token': 'nothing' } };
  assert.equal((await identity.call('HEAD', '/v3/auth/tokens', absent)).status, 404);
});
