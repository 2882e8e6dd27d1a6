// What lists and shows of identity make of queries that contradict themselves, or that nothing here fits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startIdentity } from '../testing/identity-harness.ts';

test('refuses queries that contradict themselves', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const get = async (path: string) => identity.call('GET', `/v3${path}`, { token });
  const [{ id }] = (await get('/projects?name=demo')).body.projects;
  for (const tree of ['parents', 'subtree']) {
    assert.equal((await get(`/projects/${id}?${tree}_as_list`)).status, 200);
    assert.equal((await get(`/projects/${id}?${tree}_as_ids`)).status, 200);
    assert.equal((await get(`/projects/${id}?${tree}_as_ids&${tree}_as_list`)).status, 400);
  }
  const inherited = 'scope.domain.id=default&scope.OS-INHERIT:inherited_to=projects';
  assert.equal((await get(`/role_assignments?${inherited}`)).status, 200);
  assert.equal((await get(`/role_assignments?effective&${inherited}`)).status, 400);
});

test('has no users of other identity providers', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  for (const filter of ['idp_id', 'protocol_id', 'unique_id'])
    assert.deepEqual((await identity.call('GET', `/v3/users?${filter}=x`, { token })).body.users, [], filter);
});
