// The launch with volumes on a model host: it works, it unwinds from every hop, every hop repeats, death at any write leaves
// no volume that it made and no attachment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type MemorySagaLog,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { DEFAULT_COMPUTE_CONFIG } from '../config.ts';
import { HOST_DEFAULTS } from '../host/config.ts';
import { device } from '../host/testing/model-device.ts';
import { createModelHost, SERVER_ID } from '../host/testing/model-host.ts';
import type { LaunchMessage } from '../rpc.ts';
import { attachVolume, detachVolume } from './attach-volume.ts';
import { deleteServer } from './delete-server.ts';
import { launchServer, launchServerSaga, shapeOf } from './launch-server.ts';
import type { LaunchOutputs } from './launch/hops.ts';

const MESSAGE: LaunchMessage = {
  action_id: 'action',
  instance_id: SERVER_ID,
  attempt: 1,
  user_token: 'token',
};

const EXISTING = '66666666-2222-4333-8444-555555555555';
const data = device({ id: 'data', volume_id: EXISTING, attachment_id: 'reservation' });
const root = device({
  id: 'root',
  source_type: 'image',
  image_id: 'i',
  boot_index: 0,
  device_name: '/dev/vda',
});
const swap = device({
  id: 'swap',
  source_type: 'blank',
  destination_type: 'local',
  guest_format: 'swap',
  volume_size: 8,
  device_name: '/dev/vdc',
});
const DEVICES = [root, data, swap];

async function trial(): Promise<SagaTrial<LaunchMessage, LaunchOutputs>> {
  const host = await createModelHost({ image_id: null, devices: DEVICES });
  return {
    saga: launchServerSaga(host.deps, shapeOf(host.entry)),
    input: MESSAGE,
    leftovers: host.leftovers,
    assertDone: async () => {
      assert.equal((await host.hypervisor.serverState(SERVER_ID)).state, 'running');
      assert.equal(host.volumes.volumes.size, 2);
      assert.deepEqual(
        [...host.volumes.attachments.values()].map((each) => each.status),
        ['attached', 'attached'],
      );
    },
    close: async () => host[Symbol.asyncDispose](),
  };
}

test('a launch from a volume unwinds from each hop and leaves nothing', async () =>
  assertUnwindsFromEachStep(trial));
test('each hop of a launch from a volume may run twice', async () => assertStepsRepeat(trial));
test('a launch from a volume survives the death of its process at each write of the record', async () =>
  assertSurvivesDeathAtEachWrite(trial));
test('its unwinding survives the death of its process at each write of the record', async () =>
  assertSurvivesDeathAtEachWrite(trial, { failAt: 'activate' }));

test('the deadline of a launch that makes volumes lets its steps have their time one after the other', async () => {
  await using host = await createModelHost({ image_id: null, devices: DEVICES });
  const deps = { ...host.deps, config: { ...host.deps.config, ...HOST_DEFAULTS } };
  const ends = new Map<string, number>();
  for (const { name, needs, deadlineMs } of launchServerSaga(deps, shapeOf(host.entry)).steps)
    ends.set(name, deadlineMs + Math.max(0, ...needs.map((need) => ends.get(need) ?? Infinity)));
  const longest = Math.max(...ends.values());
  assert.ok(longest > HOST_DEFAULTS.volumeDeadlineMs);
  assert.ok(longest <= DEFAULT_COMPUTE_CONFIG.fillDeadlineMs, `${longest} ms`);
});

test('boots from the volume without an image, with its disks in order and their serials', async () => {
  await using host = await createModelHost({ image_id: null, devices: DEVICES });
  await launchServer(host.deps, MESSAGE);
  const disks = await host.hypervisor.listDisks(SERVER_ID);
  const made = [...host.volumes.volumes.keys()].find((id) => id !== EXISTING) ?? '';
  assert.deepEqual(Object.fromEntries(disks.map((disk) => [disk.target, disk.serial])), {
    vdc: undefined,
    vda: made.slice(0, 20),
    vdb: EXISTING.slice(0, 20),
    vdz: 'config-2',
  });
  const { records } = host.deps.sagaLog as MemorySagaLog;
  const hops = [...records.values()].map((record) => record.step);
  for (const hop of ['volume.request', 'volume.schedule', 'volume.connect', 'volume.attach'])
    assert.ok(hops.includes(hop), hop);
  assert.ok(!hops.includes('image.load'));
  const shown = [...records.values()].map((record) => record.evidence);
  assert.ok(JSON.stringify(shown).includes('"secret_of":"***"'));
});

test('a volume that was taken by another meanwhile fails the launch with the reason', async () => {
  await using host = await createModelHost({ devices: [{ ...data, attachment_id: null }] });
  host.volumes.attachments.set('other', {
    id: 'other', status: 'attached', instance: 'another', volume_id: EXISTING, attach_mode: 'rw', connection_info: {},
  }); // prettier-ignore
  await launchServer(host.deps, MESSAGE);
  const failed = host.told.find(({ method }) => method === 'failLaunch')?.args as {
    failed_step: string;
    message: string;
  };
  assert.equal(failed.failed_step, 'volume.connect');
  assert.match(failed.message, /not available/);
});

test('deleting frees what was attached, and deletes only what is to go with the server', async () => {
  await using host = await createModelHost({
    image_id: null,
    launched_at: '2026-01-01T00:00:00.000Z',
    devices: [{ ...root, delete_on_termination: 1 }, data],
  });
  await launchServer(host.deps, MESSAGE);
  await deleteServer(host.deps, { action_id: 'delete', instance_id: SERVER_ID });
  assert.deepEqual([...host.volumes.volumes.keys()], [EXISTING]);
  assert.equal(host.volumes.attachments.size, 0);
  assert.deepEqual(host.entry.devices, []);
});

test('a delete while the volume service is away ends, and its disks stay on record for the loop', async () => {
  await using host = await createModelHost({ devices: [data] });
  await launchServer(host.deps, MESSAGE);
  host.volumes.away = true;
  await deleteServer(host.deps, { action_id: 'delete', instance_id: SERVER_ID });
  assert.ok(host.told.some(({ method }) => method === 'finishDelete'));
  assert.equal(host.entry.devices.length, 1);
});

test('attaches to a running guest and detaches from it', async () => {
  await using host = await createModelHost({ vm_state: 'active' });
  await launchServer(host.deps, MESSAGE);
  const made = await host.volumes.client.createVolume('token', { size: 1 });
  const reserved = await host.volumes.client.createAttachment('token', {
    volume_uuid: made.id,
    instance_uuid: SERVER_ID,
  });
  const added = device({ id: 'added', volume_id: made.id, attachment_id: reserved.id });
  Object.assign(host.entry, { devices: [added] });
  const ref = { instance_id: SERVER_ID, device_id: 'added', user_token: 'token' };
  await attachVolume(host.deps, { ...ref, action_id: 'attach' });
  assert.equal(host.volumes.attachments.get(reserved.id)?.status, 'attached');
  assert.ok((await host.hypervisor.listDisks(SERVER_ID)).some((disk) => disk.target === 'vdb'));
  await detachVolume(host.deps, { ...ref, action_id: 'detach' });
  assert.equal(host.volumes.attachments.size, 0);
  assert.ok(!(await host.hypervisor.listDisks(SERVER_ID)).some((disk) => disk.target === 'vdb'));
  assert.deepEqual(host.entry.devices, []);
});
