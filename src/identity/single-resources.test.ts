// What is made is shown by its id, changed, and gone with it: the resources that other tests only list.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { startIdentity } from './testing/identity-harness.ts';

test('groups, roles, regions, services and credentials are shown and changed by their ids', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const call = async (method: string, url: string, body?: unknown): Promise<Answer> =>
    identity.call(method, `/v3${url}`, { token, body });
  for (const [key, attributes, change] of [
    ['group', { name: 'g', domain_id: 'default' }, { description: 'd' }],
    ['role', { name: 'r' }, { description: 'd' }],
    ['region', { id: 'east' }, { description: 'd' }],
    ['service', { name: 's', type: 'dns' }, { description: 'd' }],
    ['credential', { type: 'cert', blob: 'a' }, { blob: 'b' }],
  ] as const) {
    const made = (await call('POST', `/${key}s`, { [key]: attributes })).body[key];
    const url = `/${key}s/${made.id}`;
    assert.deepEqual((await call('GET', url)).body[key], made, url);
    const changed = await call('PATCH', url, { [key]: change });
    assert.equal(changed.status, 200, url);
    assert.deepEqual((await call('GET', url)).body[key], { ...made, ...change }, url);
    assert.equal((await call('DELETE', url)).status, 204, url);
    assert.equal((await call('GET', url)).status, 404, url);
    assert.equal((await call('PATCH', url, { [key]: change })).status, 404, url);
  }
});

test('a region may be made under the id that its path says', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const put = async (id: string, region: object): Promise<Answer> =>
    identity.call('PUT', `/v3/regions/${id}`, { token, body: { region } });
  const made = await put('west', { description: 'd' });
  assert.deepEqual([made.status, made.body.region.id, made.body.region.description], [201, 'west', 'd']);
  assert.equal((await put('west', {})).status, 409);
  assert.equal((await put('north', { id: 'south' })).status, 400);
});

test('implications of roles and members of groups are told one by one', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const call = async (method: string, url: string, body?: unknown): Promise<Answer> =>
    identity.call(method, `/v3${url}`, { token, body });
  const idOf = async (kind: string, name: string): Promise<string> =>
    (await call('GET', `/${kind}?name=${name}`)).body[kind][0].id;
  const [member, reader] = [await idOf('roles', 'member'), await idOf('roles', 'reader')];
  const { role_inference: all } = (await call('GET', `/roles/${member}/implies`)).body;
  assert.equal(all.prior_role.name, 'member');
  assert.deepEqual(
    all.implies.map(({ name }: { name: string }) => name),
    ['reader'],
  );
  const { role_inference: one } = (await call('GET', `/roles/${member}/implies/${reader}`)).body;
  assert.deepEqual([one.prior_role.name, one.implies.name], ['member', 'reader']);
  assert.equal((await call('GET', `/roles/${reader}/implies/${member}`)).status, 404);

  const user = await idOf('users', 'demo');
  const { group } = (await call('POST', '/groups', { group: { name: 'g' } })).body;
  const membership = `/groups/${group.id}/users/${user}`;
  for (const method of ['GET', 'HEAD']) assert.equal((await call(method, membership)).status, 404);
  assert.equal((await call('PUT', membership)).status, 204);
  for (const method of ['GET', 'HEAD']) assert.equal((await call(method, membership)).status, 204);
});
