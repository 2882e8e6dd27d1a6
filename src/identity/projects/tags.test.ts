import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { onProject, startIdentity } from '../testing/identity-harness.ts';

test('a project keeps its tags, one by one and all at once', async () => {
  await using identity = await startIdentity();
  const admin = await identity.admin();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const { project } = (
    await identity.call('POST', '/v3/projects', {
      token: admin,
      body: { project: { name: 'tagged' } },
    })
  ).body;
  const url = `/v3/projects/${project.id}/tags`;
  const call = async (method: string, path = '', body?: unknown, token = admin): Promise<Answer> =>
    identity.call(method, url + path, { token, body });
  const kept = async (): Promise<string[]> => (await call('GET')).body.tags.toSorted();
  assert.deepEqual(await kept(), []);
  const put = await call('PUT', '', { tags: ['red', 'blue'] });
  assert.deepEqual([put.status, put.body.tags.toSorted()], [200, ['blue', 'red']]);
  assert.equal((await call('PUT', '/green')).status, 201);
  assert.equal((await call('GET', '/green')).status, 204);
  assert.equal((await call('GET', '/grey')).status, 404);
  assert.equal((await call('DELETE', '/red')).status, 204);
  assert.equal((await call('DELETE', '/red')).status, 404);
  assert.deepEqual(await kept(), ['blue', 'green']);
  assert.equal((await call('PUT', '', { tags: ['a,b'] })).status, 400);
  for (const [method, path] of [
    ['PUT', '/x'],
    ['DELETE', '/blue'],
    ['DELETE', ''],
  ] as const)
    assert.equal((await call(method, path, undefined, demo)).status, 403, `${method} ${path}`);
  assert.equal((await call('DELETE')).status, 204);
  assert.deepEqual(await kept(), []);
  const shown = await identity.call('GET', `/v3/projects/${project.id}`, { token: admin });
  assert.deepEqual([shown.body.project.name, shown.body.project.tags], ['tagged', []]);
});
