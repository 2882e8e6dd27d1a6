// What a client reads first, and the frame that every route shares: microversions and faults.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startVolumes } from '../../../test/support/volume-harness.ts';

test('tells of its versions without a token, and refuses one out of range', async () => {
  await using volumes = await startVolumes();
  const root = await volumes.call('GET', '/', { token: null });
  assert.equal(root.status, 300);
  assert.equal(root.body.versions[0].id, 'v3.0');
  const v3 = await volumes.call('GET', '/v3/', { token: null, version: '3.27' });
  assert.equal(v3.status, 200);
  assert.equal(v3.headers['openstack-api-version'], 'volume 3.27');
  assert.equal(v3.body.versions[0].min_version, '3.0');
  assert.equal((await volumes.call('GET', '/v3', { version: '3.999' })).status, 406);
  const absent = await volumes.call('GET', '/v3/no-such-thing');
  assert.deepEqual([absent.status, absent.body.code], [404, '404 Not Found']);
  assert.equal((await volumes.call('GET', '/v3/no-such-thing', { token: null })).status, 401);
});
