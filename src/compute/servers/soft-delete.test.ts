// Deletes that can be taken back, where the operator wants them: the server is stopped, left out of lists and quotas, restored or
// deleted for good after its time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createModelHost, SERVER_ID } from '#compute/host/testing/model-host.ts';
import { reclaimDeleted } from '#compute/loops/reclaim-deleted.ts';
import { launchServer } from '#compute/tasks/launch-server.ts';
import { restoreServer, softDeleteServer } from '#compute/tasks/soft-delete-server.ts';
import { startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';

const remove = async (cloud: ComputeHarness, id: string) => cloud.call('DELETE', `/v2.1/servers/${id}`);
const act = async (cloud: ComputeHarness, id: string, body: object) =>
  cloud.call('POST', `/v2.1/servers/${id}/action`, { body });
const ids = async (cloud: ComputeHarness, query = ''): Promise<string[]> =>
  (await cloud.call('GET', `/v2.1/servers${query}`, { token: query ? 'admin' : 'member' })).body.servers.map(
    (each: { id: string }) => each.id,
  );
const last = async (cloud: ComputeHarness) => (await cloud.outbox()).at(-1);

async function softDeleted(cloud: ComputeHarness, at: string): Promise<string> {
  const id = await cloud.create();
  const system_metadata_json = JSON.stringify({ soft_deleted_at: at });
  await cloud.activate(id, { vm_state: 'soft-delete', system_metadata_json });
  return id;
}

test('a delete stops the server, which is not listed; restoring asks the quota', async () => {
  await using cloud = await startComputeHarness({ config: { reclaimInstanceInterval: 60 } });
  const id = await cloud.create();
  await cloud.activate(id);
  assert.equal((await remove(cloud, id)).status, 204);
  assert.equal((await last(cloud))?.method, 'softDeleteServer');
  assert.equal((await remove(cloud, id)).status, 204, 'twice is once');
  const old = await softDeleted(cloud, '2020-01-01T00:00:00.000Z');
  assert.ok(!(await ids(cloud)).includes(old));
  assert.deepEqual(await ids(cloud, '?all_tenants=1&status=SOFT_DELETED'), [old]);
  assert.equal((await cloud.call('GET', `/v2.1/servers/${old}`)).body.server.status, 'SOFT_DELETED');
  const limit = (hard_limit: number) =>
    cloud.kysely
      .insertInto('quota_limits')
      .values({ scope: 'class:default', resource: 'instances', hard_limit });
  await limit(1).execute();
  assert.equal((await act(cloud, old, { restore: null })).status, 403);
  await cloud.kysely.deleteFrom('quota_limits').execute();
  assert.equal((await act(cloud, old, { restore: null })).status, 202);
  assert.equal((await last(cloud))?.method, 'restoreServer');
});

test('its time over, a server is deleted for good; one that never ran is at once', async () => {
  await using cloud = await startComputeHarness({ config: { reclaimInstanceInterval: 60 } });
  const old = await softDeleted(cloud, '2020-01-01T00:00:00.000Z');
  await softDeleted(cloud, new Date().toISOString());
  await reclaimDeleted(cloud.service.deps);
  const told = (await cloud.outbox()).filter(({ method }) => method === 'deleteServer');
  assert.deepEqual(
    told.map(({ payload }) => payload['instance_id']),
    [old],
  );
  const building = await cloud.create();
  await remove(cloud, building);
  assert.equal((await last(cloud))?.method, 'deleteServerWithoutHost');
  const forced = await softDeleted(cloud, new Date().toISOString());
  assert.equal((await act(cloud, forced, { forceDelete: null })).status, 202);
  assert.equal((await last(cloud))?.method, 'deleteServer');
});

test('the guest ends, and runs again with its disk', async () => {
  await using host = await createModelHost();
  await launchServer(host.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  Object.assign(host.entry, { vm_state: 'active', task_state: null });
  for (let i = 0; i < 2; i++) {
    await softDeleteServer(host.deps, { action_id: `delete-${i}`, instance_id: SERVER_ID });
    assert.equal((await host.hypervisor.serverState(SERVER_ID)).state, 'absent');
    await restoreServer(host.deps, { action_id: `restore-${i}`, instance_id: SERVER_ID });
    assert.equal((await host.hypervisor.serverState(SERVER_ID)).state, 'running');
  }
});
