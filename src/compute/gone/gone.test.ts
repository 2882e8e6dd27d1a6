// What upstream took out of compute's API, each operation of its list: 401 without a token, else 410 at every microversion.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUpstream } from '#cli/api-index/upstream.ts';
import { startComputeHarness } from '#test/support/compute-harness.ts';
import { PROJECT } from '#test/support/service-harness.ts';

const gone = readUpstream('compute').operations.filter(({ refusalName }) => refusalName === 'gone');

test('answers 410 to whoever has a token, at every version and with a project in the path', async () => {
  await using cloud = await startComputeHarness();
  assert.ok(gone.length > 50);
  for (const { method, path, action } of gone) {
    const url = path.replaceAll(/:\w+/g, 'aaaaaaaa-0000-4000-8000-00000000000a');
    const body = method === 'GET' || method === 'DELETE' ? undefined : action ? { [action]: null } : {};
    const options = body === undefined ? {} : { body };
    const name = `${method} ${url} ${action ?? ''}`;
    assert.equal((await cloud.call(method, url, { ...options, token: '' })).status, 401, name);
    for (const version of ['2.1', '2.35', '2.36', '2.93']) {
      const answer = await cloud.at(version, method, url, options);
      assert.equal(answer.status, 410, `${name} at ${version}`);
      const { code, message } = answer.body.computeFault;
      assert.deepEqual([code, typeof message], [410, 'string'], name);
    }
    for (const below of ['/v2', `/v2.1/${PROJECT}`])
      assert.equal((await cloud.call(method, url.replace('/v2.1', below), options)).status, 410, name);
  }
});

test('looks at the body first: what names no action, or another, is refused as everywhere', async () => {
  await using cloud = await startComputeHarness();
  const url = '/v2.1/os-fixed-ips/10.0.0.1/action';
  for (const body of [{}, [], { other: null }, { reserve: null, unreserve: null }])
    assert.equal((await cloud.call('POST', url, { body })).status, 400, JSON.stringify(body));
  assert.equal((await cloud.at('2.200', 'GET', '/v2.1/os-cells')).status, 406);
});

test('bare metal nodes, until 2.35: there is no service to ask, and changes were never done here', async () => {
  await using cloud = await startComputeHarness();
  const admin = { token: 'admin' };
  const path = '/v2.1/os-baremetal-nodes';
  assert.equal((await cloud.call('GET', path)).status, 403);
  for (const url of [path, `${path}/1`]) assert.equal((await cloud.call('GET', url, admin)).status, 501, url);
  for (const [method, url] of [
    ['POST', path],
    ['DELETE', `${path}/1`],
    ['POST', `${path}/1/action`],
  ] as const)
    assert.equal(
      (
        await cloud.call(method, url, {
          ...admin,
          ...(method === 'POST' ? { body: { add_interface: {} } } : {}),
        })
      ).status,
      400,
      url,
    );
  assert.equal((await cloud.at('2.36', 'GET', path, admin)).status, 404);
});
