// `shelve`, `shelveOffload` and `unshelve` through the API: what hosts and the scheduler are told, who may, from which states,
// and what a shelved server still takes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGE, startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { offloadShelved } from '#compute/loops/offload-shelved.ts';
import { failUnshelve, finishOffload } from '#compute/conductor/shelve.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { migratePlacement } from '#placement/migrate.ts';

const act = async (cloud: ComputeHarness, id: string, body: unknown, version = '2.1', token = 'member') =>
  cloud.at(version, 'POST', `/v2.1/servers/${id}/action`, { body, token });

async function server(cloud: ComputeHarness, changes: Partial<InstanceRow> = {}): Promise<string> {
  const id = await cloud.create();
  await cloud.activate(id, changes);
  return id;
}

const rowOf = async (cloud: ComputeHarness, id: string): Promise<InstanceRow> =>
  cloud.kysely.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

const last = async (cloud: ComputeHarness) => (await cloud.outbox()).at(-1)!; // of those there are

const OFFLOADED = { vm_state: 'shelved_offloaded', host: null, node: null } as const;

test('shelve queues an image of the name that all know and tells the host to leave with it', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  assert.equal((await act(cloud, id, { shelve: null })).status, 202);
  const { method, queue, payload } = await last(cloud);
  assert.deepEqual([method, queue, payload['offload']], ['shelveServer', 'compute.host-1', true]);
  const image = cloud.images.get(String(payload['image_id']));
  assert.deepEqual(
    [image?.['name'], image?.['status'], image?.['image_type'], image?.['instance_uuid']],
    ['web-shelved', 'queued', 'snapshot', id],
  );
  assert.equal((await rowOf(cloud, id)).task_state, 'shelving');
  assert.equal((await act(cloud, id, { shelve: null })).status, 409);
});

test('where servers stay for a while the host is told so, and later to let them go', async () => {
  await using cloud = await startComputeHarness({ config: { shelvedOffloadTime: 60 } });
  await migratePlacement(cloud.service.deps.db);
  const id = await server(cloud);
  await act(cloud, id, { shelve: null });
  assert.equal((await last(cloud)).payload['offload'], false);
  const shelved = (shelved_at: string) => ({
    vm_state: 'shelved' as const,
    system_metadata_json: JSON.stringify({ shelved_at }),
  });
  const young = await server(cloud, shelved(new Date().toISOString()));
  const old = await server(cloud, shelved('2020-01-01T00:00:00.000Z'));
  await offloadShelved(cloud.service.deps);
  const told = (await cloud.outbox()).filter(({ method }) => method === 'offloadServer');
  assert.deepEqual(
    told.map(({ payload }) => payload['instance_id']),
    [old],
  );
  assert.deepEqual(
    [(await rowOf(cloud, young)).task_state, (await rowOf(cloud, old)).task_state],
    [null, 'shelving_offloading'],
  );
  const { action_id } = told[0]!.payload as { action_id: string };
  await finishOffload(cloud.service.deps, { action_id, instance_id: old });
  const shown = (await cloud.call('GET', `/v2.1/servers/${old}`, { token: 'admin' })).body.server;
  assert.deepEqual(
    [shown.status, shown['OS-EXT-SRV-ATTR:host'], shown['OS-EXT-STS:task_state']],
    ['SHELVED_OFFLOADED', null, null],
  );
});

test('states and roles that may', async () => {
  await using cloud = await startComputeHarness({ config: { shelvedOffloadTime: -1 } });
  for (const vm_state of ['active', 'stopped', 'paused', 'suspended'] as const)
    assert.equal(
      (await act(cloud, await server(cloud, { vm_state }), { shelve: null })).status,
      202,
      vm_state,
    );
  for (const vm_state of ['error', 'rescued', 'shelved', 'building'] as const)
    assert.equal(
      (await act(cloud, await server(cloud, { vm_state }), { shelve: null })).status,
      409,
      vm_state,
    );
  const id = await server(cloud, { vm_state: 'shelved' });
  assert.equal((await act(cloud, id, { shelveOffload: null })).status, 403);
  assert.equal((await act(cloud, id, { unshelve: null }, '2.1', 'reader')).status, 403);
  assert.equal((await act(cloud, id, { shelveOffload: null }, '2.1', 'admin')).status, 202);
  assert.deepEqual((await last(cloud)).method, 'offloadServer');
  const active = await server(cloud);
  for (const body of [{ shelveOffload: null }, { unshelve: null }])
    assert.equal((await act(cloud, active, body, '2.1', 'admin')).status, 409, JSON.stringify(body));
  assert.equal((await act(cloud, 'nope', { unshelve: null })).status, 404);
});

test('a server on its host is started there, any other is scheduled with its image', async () => {
  await using cloud = await startComputeHarness();
  const here = await server(cloud, { vm_state: 'shelved' });
  assert.equal((await act(cloud, here, { unshelve: { availability_zone: 'nova' } }, '2.77')).status, 409);
  assert.equal((await act(cloud, here, { unshelve: null })).status, 202);
  assert.deepEqual(
    [(await last(cloud)).method, (await last(cloud)).queue],
    ['startShelvedServer', 'compute.host-1'],
  );
  const away = await server(cloud, OFFLOADED);
  assert.equal((await act(cloud, away, { unshelve: null })).status, 202);
  const { method, queue, payload } = await last(cloud);
  assert.deepEqual(
    [method, queue, payload['migration_uuid'], payload['requested_host']],
    ['selectDestination', 'scheduler', null, null],
  );
  assert.equal((await rowOf(cloud, away)).task_state, 'unshelving');
});

test('zones bind, unbind and are looked at; hosts are for administrators', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud, { ...OFFLOADED, requested_zone: 'elsewhere' });
  for (const [version, body, status] of [
    ['2.77', { unshelve: { availability_zone: 'none-such' } }, 400],
    ['2.77', { unshelve: {} }, 400],
    ['2.77', { unshelve: { availability_zone: null } }, 400],
    ['2.77', { unshelve: { host: 'host-1' } }, 400],
    ['2.91', { unshelve: { more: 1 } }, 400],
    ['2.91', { unshelve: { host: 'no-such-host' } }, 403],
  ] as const)
    assert.equal((await act(cloud, id, body, version)).status, status, JSON.stringify(body));
  const asAdmin = async (unshelve: object) => act(cloud, id, { unshelve }, '2.91', 'admin');
  assert.equal((await asAdmin({ host: 'no-such-host' })).status, 400);
  await cloud.kysely
    .insertInto('compute_nodes')
    .values({
      id: crypto.randomUUID(), host: 'host-9', hypervisor_hostname: 'host-9', hypervisor_type: 'QEMU', hypervisor_version: 1,
      host_ip: '127.0.0.1', vcpus: 1, memory_mb: 1, local_gb: 1, report_json: '{}', created_at: '', updated_at: '',
    })
    .execute(); // prettier-ignore
  assert.equal((await asAdmin({ host: 'host-9' })).status, 409, 'it is bound to another zone');
  assert.equal((await asAdmin({ host: 'host-9', availability_zone: null })).status, 202);
  assert.equal((await rowOf(cloud, id)).requested_zone, null);
  assert.equal((await last(cloud)).payload['requested_host'], 'host-9');
  const second = await server(cloud, OFFLOADED);
  assert.equal((await act(cloud, second, { unshelve: { availability_zone: 'nova' } }, '2.77')).status, 202);
  assert.equal((await rowOf(cloud, second)).requested_zone, 'nova');
  const third = await server(cloud, OFFLOADED);
  assert.equal((await act(cloud, third, { unshelve: { anything: 1 } }, '2.76')).status, 202);
});

test('a host that fails is followed by another one, at last by the server as it was', async () => {
  await using cloud = await startComputeHarness();
  await migratePlacement(cloud.service.deps.db);
  const id = await server(cloud, OFFLOADED);
  await act(cloud, id, { unshelve: null });
  const { action_id } = (await last(cloud)).payload as { action_id: string };
  const failed = async (attempt: number, changes: object = {}): Promise<InstanceRow> => {
    await cloud.kysely
      .updateTable('instances')
      .set({ host: 'host-1', node: 'host-1' })
      .where('id', '=', id)
      .execute();
    await cloud.kysely.updateTable('instance_actions').set({ attempt }).where('id', '=', action_id).execute();
    await failUnshelve(cloud.service.deps, {
      action_id, instance_id: id, attempt, user_token: 't', requested_host: null, host: 'host-1', message: 'no luck',
      details: '', retriable: true, image_lost: false, ...changes,
    }); // prettier-ignore
    return rowOf(cloud, id);
  };
  const again = await failed(1);
  assert.deepEqual(
    [again.host, again.task_state, (await last(cloud)).payload['attempt']],
    [null, 'unshelving', 2],
  );
  const done = await failed(2, { retriable: false });
  assert.deepEqual([done.host, done.task_state, done.vm_state], [null, null, 'shelved_offloaded']);
  assert.match(done.fault_json ?? '', /no luck/);
});

test('an offloaded server can be deleted, renamed and locked; what needs a host is refused', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud, OFFLOADED);
  for (const body of [
    { reboot: { type: 'HARD' } },
    { 'os-start': null },
    { 'os-stop': null },
    { rebuild: { imageRef: IMAGE } },
    { createImage: { name: 'i' } },
    { rescue: null },
  ])
    assert.equal((await act(cloud, id, body)).status, 409, JSON.stringify(body));
  assert.equal((await act(cloud, id, { lock: null })).status, 202);
  assert.equal((await act(cloud, id, { unshelve: null }, '2.1', 'member')).status, 409);
  assert.equal((await act(cloud, id, { unlock: null })).status, 202);
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`)).status, 204);
  assert.equal((await last(cloud)).method, 'deleteServerWithoutHost');
});
