import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onProject, startIdentity } from '../testing/identity-harness.ts';

test('a user makes, sees, lists and removes EC2 credentials of its own, and nobody else does', async () => {
  await using identity = await startIdentity();
  const token = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const admin = await identity.admin();
  const me = (await identity.call('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } }))
    .body.token;
  const url = `/v3/users/${me.user.id}/credentials/OS-EC2`;
  const body = { tenant_id: me.project.id };
  const made = await identity.call('POST', url, { token, body });
  assert.equal(made.status, 201);
  const { credential } = made.body;
  assert.equal(credential.tenant_id, me.project.id);
  assert.match(credential.secret, /^[0-9a-f]{32}$/);
  const one = `${url}/${credential.access}`;
  assert.deepEqual((await identity.call('GET', one, { token })).body.credential, credential);
  assert.deepEqual((await identity.call('GET', url, { token })).body.credentials, [credential]);
  const blobs = (await identity.call('GET', '/v3/credentials?type=ec2', { token })).body.credentials;
  assert.equal(JSON.parse(blobs[0].blob).access, credential.access, 'the same credential');
  assert.equal((await identity.call('POST', url, { token, body: { tenant_id: 'none' } })).status, 404);
  assert.equal((await identity.call('POST', url, { token, body: {} })).status, 400);
  const users = (await identity.call('GET', '/v3/users?name=admin', { token: admin })).body.users;
  const foreign = `/v3/users/${users[0].id}/credentials/OS-EC2`;
  for (const path of [foreign, `${foreign}/${credential.access}`]) {
    assert.equal((await identity.call('GET', path, { token })).status, 403);
  }
  assert.equal((await identity.call('POST', foreign, { token, body })).status, 403);
  assert.equal((await identity.call('GET', `${foreign}/${credential.access}`, { token: admin })).status, 404);
  assert.equal((await identity.call('DELETE', one, { token })).status, 204);
  assert.equal((await identity.call('GET', one, { token })).status, 404);
});
