// `rescue` and `unrescue` through the API: what the host is told, who may, from which states and images, and what of a rescued
// server is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGE, startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import type { InstanceRow } from '#compute/tables.ts';

const act = async (cloud: ComputeHarness, id: string, body: unknown, version = '2.1', token = 'member') =>
  cloud.at(version, 'POST', `/v2.1/servers/${id}/action`, { body, token });

async function server(cloud: ComputeHarness, changes: Partial<InstanceRow> = {}): Promise<string> {
  const id = await cloud.create();
  await cloud.activate(id, changes);
  return id;
}

const rowOf = async (cloud: ComputeHarness, id: string): Promise<InstanceRow> =>
  cloud.kysely.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

test('rescue answers the password and sends the image and its device to the host', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const plain = await act(cloud, id, { rescue: null });
  assert.equal(plain.status, 200, JSON.stringify(plain.body));
  assert.match(plain.body.adminPass, /^\w{12}$/);
  const row = await rowOf(cloud, id);
  assert.deepEqual([row.task_state, row.admin_password], ['rescuing', plain.body.adminPass]);
  const message = (await cloud.outbox()).at(-1);
  assert.equal(message?.method, 'rescueServer');
  assert.deepEqual(message?.payload['rescue'], {
    image_id: IMAGE,
    kernel_id: null,
    ramdisk_id: null,
    bus: 'virtio',
    device: 'disk',
    stable: false,
  });
  const other = 'dddddddd-0000-4000-8000-000000000000';
  cloud.images.set(other, { ...cloud.images.get(IMAGE)!, id: other, hw_rescue_device: 'cdrom' });
  const second = await server(cloud, { vm_state: 'stopped' });
  const named = await act(cloud, second, { rescue: { adminPass: 'secret', rescue_image_ref: other } });
  assert.deepEqual(named.body, { adminPass: 'secret' });
  const how = (await cloud.outbox()).at(-1)?.payload['rescue'] as Record<string, unknown>;
  assert.deepEqual(
    [how['image_id'], how['bus'], how['device'], how['stable']],
    [other, 'ide', 'cdrom', true],
  );
});

test('rescue refuses images, devices and bodies that do not fit, other states, and who may not', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const odd = 'dddddddd-0000-4000-8000-000000000000';
  for (const properties of [
    { status: 'queued' },
    { hw_rescue_device: 'floppy' },
    { hw_rescue_bus: 'xen' },
    { hw_rescue_bus: '../../etc' },
    { block_device_mapping: '[{"snapshot_id":"x"}]' },
  ]) {
    cloud.images.set(odd, { ...cloud.images.get(IMAGE)!, id: odd, ...properties });
    assert.equal((await act(cloud, id, { rescue: { rescue_image_ref: odd } })).status, 400);
  }
  const absent = { rescue: { rescue_image_ref: 'eeeeeeee-0000-4000-8000-000000000000' } };
  assert.equal((await act(cloud, id, absent)).status, 400);
  for (const body of [
    { rescue: 5 },
    { rescue: { adminPass: 5 } },
    { rescue: { rescue_image_ref: '../x' } },
    { rescue: { more: 1 } },
  ])
    assert.equal((await act(cloud, id, body)).status, 400, JSON.stringify(body));
  assert.equal((await act(cloud, id, { rescue: null }, '2.1', 'reader')).status, 403);
  assert.equal((await act(cloud, 'nope', { rescue: null })).status, 404);
  for (const vm_state of ['paused', 'suspended', 'rescued', 'building'] as const)
    assert.equal(
      (await act(cloud, await server(cloud, { vm_state }), { rescue: null })).status,
      409,
      vm_state,
    );
  assert.equal((await act(cloud, id, { unrescue: null })).status, 409);
  assert.equal((await act(cloud, id, { rescue: null })).status, 200);
  assert.equal((await act(cloud, id, { rescue: null })).status, 409, 'it is being rescued');
});

test('a rescued server shows RESCUE and may be unrescued and deleted, and little else', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud, { vm_state: 'rescued' });
  assert.equal((await cloud.call('GET', `/v2.1/servers/${id}`)).body.server.status, 'RESCUE');
  for (const body of [
    { reboot: { type: 'HARD' } },
    { reboot: { type: 'SOFT' } },
    { rebuild: { imageRef: IMAGE } },
    { 'os-stop': null },
    { 'os-start': null },
    { pause: null },
    { suspend: null },
    { createImage: { name: 'i' } },
  ])
    assert.equal((await act(cloud, id, body)).status, 409, JSON.stringify(body));
  const remote_console = { protocol: 'serial', type: 'serial' };
  const url = `/v2.1/servers/${id}/remote-consoles`;
  assert.equal((await cloud.at('2.6', 'POST', url, { body: { remote_console } })).status, 200);
  assert.equal((await act(cloud, id, { unrescue: null }, '2.1', 'reader')).status, 403);
  assert.equal((await act(cloud, id, { unrescue: null })).status, 202);
  assert.deepEqual(
    [(await cloud.outbox()).at(-1)?.method, (await rowOf(cloud, id)).task_state],
    ['unrescueServer', 'unrescuing'],
  );
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`)).status, 204);
});

test('a crash dump is asked of the host, by a version and of states that have it, without a task', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const body = { trigger_crash_dump: null };
  assert.equal((await act(cloud, id, body, '2.16')).status, 404);
  assert.equal((await act(cloud, id, { trigger_crash_dump: {} }, '2.17')).status, 400);
  assert.equal((await act(cloud, id, body, '2.17', 'reader')).status, 403);
  for (const vm_state of ['active', 'paused', 'rescued', 'resized', 'error'] as const)
    assert.equal((await act(cloud, await server(cloud, { vm_state }), body, '2.17')).status, 202, vm_state);
  assert.equal((await act(cloud, await server(cloud, { vm_state: 'stopped' }), body, '2.17')).status, 409);
  assert.equal((await act(cloud, id, body, '2.17')).status, 202);
  assert.deepEqual(
    [(await cloud.outbox()).at(-1)?.method, (await rowOf(cloud, id)).task_state],
    ['triggerCrashDump', null],
  );
});
