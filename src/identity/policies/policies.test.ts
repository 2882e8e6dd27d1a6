import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onProject, startIdentity } from '../testing/identity-harness.ts';

test('policies are kept and served as they were given, to administrators', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const policy = { type: 'application/json', blob: '{"a": "role:x"}', note: 'ours' };
  const made = await identity.call('POST', '/v3/policies', { token, body: { policy } });
  assert.equal(made.status, 201);
  const { id } = made.body.policy as { id: string };
  const url = `/v3/policies/${id}`;
  const body = { policy: { type: 'text/plain' } };
  assert.equal((await identity.call('PATCH', url, { token, body })).status, 200);
  const { links: _, ...shown } = (await identity.call('GET', url, { token })).body.policy;
  assert.deepEqual(shown, { ...policy, id, type: 'text/plain' });
  const listed = async (query: string): Promise<number> =>
    (await identity.call('GET', `/v3/policies${query}`, { token })).body.policies.length;
  assert.equal(await listed('?type=text/plain'), 1);
  assert.equal(await listed('?type=other'), 0);
  const bad = { policy: { type: 'x' } };
  assert.equal((await identity.call('POST', '/v3/policies', { token, body: bad })).status, 400);
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  for (const path of ['/v3/policies', url]) {
    assert.equal((await identity.call('GET', path, { token: demo })).status, 403);
  }
  assert.equal((await identity.call('DELETE', url, { token: demo })).status, 403);
  assert.equal((await identity.call('DELETE', url, { token })).status, 204);
  assert.equal((await identity.call('GET', url, { token })).status, 404);
});
