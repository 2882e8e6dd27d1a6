// Volumes and snapshots through compute's old paths, on a stand-in for the volume service; and the log of usage audits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestAnswer, RestRequest, Transport } from '#platform/clients/transport.ts';
import { startComputeHarness } from '#test/support/compute-harness.ts';

test('tells that no host has told of the usage of its servers', async () => {
  await using cloud = await startComputeHarness();
  const path = '/v2.1/os-instance_usage_audit_log';
  const { instance_usage_audit_logs: log } = (await cloud.call('GET', path, { token: 'admin' })).body;
  assert.equal(log.num_hosts, log.hosts_not_run.length);
  const before = await cloud.call('GET', `${path}/2026-01-15%2003:04:05`, { token: 'admin' });
  const { period_beginning, period_ending } = before.body.instance_usage_audit_log;
  assert.deepEqual([period_beginning, period_ending], ['2025-12-01 00:00:00', '2026-01-01 00:00:00']);
  assert.equal((await cloud.call('GET', `${path}/yesterday`, { token: 'admin' })).status, 400);
  assert.equal((await cloud.call('GET', path)).status, 403);
});

const VOLUME = {
  id: 'v1',
  name: 'data',
  description: null,
  status: 'in-use',
  size: 2,
  availability_zone: 'nova',
  created_at: '2026-01-01T00:00:00.000000',
  volume_type: 'quick',
  snapshot_id: null,
  metadata: { k: 'v' },
  attachments: [{ server_id: 's1', device: '/dev/vdb' }],
};
const SHOWN = {
  id: 'v1',
  displayName: 'data',
  displayDescription: null,
  status: 'in-use',
  size: 2,
  availabilityZone: 'nova',
  createdAt: '2026-01-01T00:00:00.000000',
  volumeType: 'quick',
  snapshotId: null,
  metadata: { k: 'v' },
  attachments: [{ id: 'v1', volumeId: 'v1', serverId: 's1', device: '/dev/vdb' }],
};

/** One volume and one snapshot; `asked` gets each request. */
function volumeStandIn(asked: RestRequest[]): Transport {
  const snapshot = { id: 'p1', volume_id: 'v1', name: null, description: 'd', status: 'available', size: 2 };
  return {
    send: async (request) => {
      asked.push(request);
      const [, , plural = '', last = ''] = request.path.split('?')[0]?.split('/') ?? [];
      const thing = plural === 'volumes' ? VOLUME : { ...snapshot, created_at: VOLUME.created_at };
      const answer = (status: number, body: unknown): RestAnswer => ({ status, headers: {}, body });
      if (last === 'detail') return answer(200, { [plural]: [thing] });
      if (last !== '' && last !== thing.id)
        return answer(404, { itemNotFound: { message: 'no', code: 404 } });
      if (JSON.stringify(request.body ?? null).includes('"size":99'))
        return answer(413, { overLimit: { code: 413, message: 'over quota' } });
      return answer(request.method === 'GET' ? 200 : 202, { [plural.slice(0, -1)]: thing });
    },
  };
}

test('makes, lists, shows and deletes volumes and snapshots until 2.35', async () => {
  const asked: RestRequest[] = [];
  await using cloud = await startComputeHarness({ volume: volumeStandIn(asked) });
  const volume = { size: '2', display_name: 'data', volume_type: 'quick', metadata: { k: 'v' } };
  const made = await cloud.call('POST', '/v2.1/os-volumes', { body: { volume } });
  assert.deepEqual([made.status, made.body], [200, { volume: SHOWN }]);
  const sent = { volume: { size: '2', name: 'data', volume_type: 'quick', metadata: { k: 'v' } } };
  assert.deepEqual(asked.at(-1)?.body, sent);
  for (const path of ['/v2.1/os-volumes?limit=1&offset=2', '/v2.1/os-volumes/detail'])
    assert.deepEqual((await cloud.call('GET', path)).body, { volumes: [SHOWN] });
  assert.equal(asked.at(-2)?.path, '/v3/volumes/detail?limit=1&offset=2');
  assert.deepEqual((await cloud.call('GET', '/v2.1/os-volumes/v1')).body, { volume: SHOWN });
  const shot = { volume_id: 'v1', force: 'True', display_description: 'd' };
  const taken = await cloud.call('POST', '/v2.1/os-snapshots', { body: { snapshot: shot } });
  assert.deepEqual([taken.status, taken.body.snapshot.volumeId], [200, 'v1']);
  assert.deepEqual(asked.at(-1)?.body, { snapshot: { volume_id: 'v1', force: true, description: 'd' } });
  const { snapshot: kept } = (await cloud.call('GET', '/v2.1/os-snapshots/p1')).body;
  assert.deepEqual([kept.id, kept.volumeId, kept.displayDescription], ['p1', 'v1', 'd']);
  for (const path of ['/v2.1/os-snapshots', '/v2.1/os-snapshots/detail'])
    assert.deepEqual((await cloud.call('GET', path)).body, { snapshots: [kept] });
  for (const [path, id] of [
    ['os-volumes', 'v1'],
    ['os-snapshots', 'p1'],
  ] as const) {
    assert.equal((await cloud.call('DELETE', `/v2.1/${path}/${id}`)).status, 202);
    for (const method of ['GET', 'DELETE'])
      assert.equal((await cloud.call(method, `/v2.1/${path}/nothing`)).status, 404);
    assert.equal((await cloud.at('2.36', 'GET', `/v2.1/${path}`)).status, 404);
  }
});

test('refuses volumes without a size, to readers, and past a quota with 403', async () => {
  await using cloud = await startComputeHarness({ volume: volumeStandIn([]) });
  const make = async (volume: object, token = 'member'): Promise<number> =>
    (await cloud.call('POST', '/v2.1/os-volumes', { token, body: { volume } })).status;
  assert.deepEqual([await make({}), await make({ size: 0 }), await make({ size: '#$%' })], [400, 400, 400]);
  assert.equal(await make({ size: 1 }, 'reader'), 403);
  assert.equal(await make({ size: 99 }), 403);
});
