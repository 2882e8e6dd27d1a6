import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
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

test('an endpoint has the policy of its own, of its service in its region or above, or of its service', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const call = async (method: string, path: string, body?: unknown, as = token): Promise<Answer> =>
    identity.call(method, `/v3/${path}`, { token: as, ...(body === undefined ? {} : { body }) });
  const make = async (): Promise<string> =>
    (await call('POST', 'policies', { policy: { type: 't', blob: 'b' } })).body.policy.id as string;
  const [own, regional, general] = [await make(), await make(), await make()];
  const region = { region: { id: 'Below', parent_region_id: 'RegionOne' } };
  assert.equal((await call('POST', 'regions', region)).status, 201);
  const service = (await call('POST', 'services', { service: { type: 'x', name: 'x' } })).body.service
    .id as string;
  const endpoint = (
    await call('POST', 'endpoints', {
      endpoint: { service_id: service, interface: 'public', url: 'http://x', region_id: 'Below' },
    })
  ).body.endpoint.id as string;
  const found = async (): Promise<unknown> => {
    const answer = await call('GET', `endpoints/${endpoint}/OS-ENDPOINT-POLICY/policy`);
    return answer.status === 200 ? answer.body.policy.id : answer.status;
  };
  const tie = (policy: string, rest: string): string => `policies/${policy}/OS-ENDPOINT-POLICY/${rest}`;
  assert.equal(await found(), 404);
  const effective = `endpoints/${endpoint}/OS-ENDPOINT-POLICY/policy`;
  assert.equal((await call('HEAD', effective)).status, 404);
  for (const [policy, rest] of [
    [general, `services/${service}`],
    [regional, `services/${service}/regions/RegionOne`],
    [own, `endpoints/${endpoint}`],
  ] as const) {
    assert.equal((await call('GET', tie(policy, rest))).status, 404);
    assert.equal((await call('PUT', tie(policy, rest))).status, 204);
    for (const method of ['GET', 'HEAD'])
      assert.equal((await call(method, tie(policy, rest))).status, 204, method);
    assert.equal(await found(), policy);
    assert.equal((await call('HEAD', effective)).status, 200);
    const listed = (await call('GET', tie(policy, 'endpoints'))).body.endpoints as Array<{ id: string }>;
    assert.deepEqual(
      listed.map((each) => each.id),
      [endpoint],
    );
  }
  assert.equal((await call('PUT', tie(general, `endpoints/${endpoint}`))).status, 204, 'takes its place');
  assert.equal((await call('GET', tie(own, `endpoints/${endpoint}`))).status, 404);
  assert.equal((await call('DELETE', tie(general, `endpoints/${endpoint}`))).status, 204);
  assert.equal(await found(), regional);
  assert.equal((await call('DELETE', `policies/${regional}`)).status, 204);
  assert.equal(await found(), general);
  for (const rest of [`services/${service}`, `services/${service}/regions/Below`]) {
    assert.equal((await call('PUT', tie(general, rest))).status, 204, rest);
    assert.equal((await call('DELETE', tie(general, rest))).status, 204, rest);
    assert.equal((await call('GET', tie(general, rest))).status, 404, rest);
  }
  assert.equal((await call('PUT', tie(own, 'services/none'))).status, 404);
  assert.equal((await call('PUT', tie('none', `services/${service}`))).status, 404);
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  assert.equal((await call('PUT', tie(own, `services/${service}`), undefined, demo)).status, 403);
});
