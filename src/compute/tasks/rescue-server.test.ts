// Rescuing on a model host: the guest boots the rescue disk beside its own, and comes back as it was; each step may fail, run
// twice, or be cut off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { device } from '../host/testing/model-device.ts';
import { createModelHost, IMAGE_ID, SERVER_ID, type ModelHost } from '../host/testing/model-host.ts';
import { restoreGuests } from '../host/restore-guests.ts';
import type { Rescue } from '../system-metadata.ts';
import { deleteServer } from './delete-server.ts';
import { launchServer } from './launch-server.ts';
import { rescueServer, rescueServerSaga, unrescueServer, unrescueServerSaga } from './rescue-server.ts';

const RESCUE: Rescue = {
  image_id: IMAGE_ID,
  kernel_id: null,
  ramdisk_id: null,
  bus: 'virtio',
  device: 'disk',
  stable: false,
};
const MESSAGE = { action_id: 'rescue', instance_id: SERVER_ID, user_token: 'token', rescue: RESCUE };
const END = { action_id: 'unrescue', instance_id: SERVER_ID };

async function launched(changes: Parameters<typeof createModelHost>[0] = {}): Promise<ModelHost> {
  const host = await createModelHost(changes);
  await launchServer(host.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  Object.assign(host.entry, { vm_state: 'active', task_state: null, power_state: 1 });
  return host;
}

const targets = async (host: ModelHost): Promise<string[]> =>
  (await host.hypervisor.listDisks(SERVER_ID)).map((disk) => disk.target);
const hasDisk = async (host: ModelHost): Promise<boolean> => host.deps.rootDisks.rescue.exists(SERVER_ID);

/** What is not as it was before the rescue. */
async function notAsBefore(host: ModelHost): Promise<string[]> {
  const { state } = await host.hypervisor.serverState(SERVER_ID);
  return [
    ...(state === 'running' ? [] : [`the guest is ${state}`]),
    ...((await targets(host)).join() === 'vda,vdz' ? [] : [`disks ${(await targets(host)).join()}`]),
    ...((await hasDisk(host)) ? ['rescue disk'] : []),
  ];
}

async function rescuing(): Promise<SagaTrial<typeof MESSAGE, never>> {
  const host = await launched();
  return {
    saga: rescueServerSaga(host.deps, host.entry) as never,
    input: MESSAGE,
    leftovers: async () => notAsBefore(host),
    assertDone: async () => {
      assert.deepEqual(await targets(host), ['vda', 'vdb', 'vdz']);
      assert.equal(await hasDisk(host), true);
    },
    close: async () => host[Symbol.asyncDispose](),
  };
}

test('a rescue unwinds from each step to the guest as it was', async () =>
  assertUnwindsFromEachStep(rescuing));
test('each step of a rescue may run twice', async () => assertStepsRepeat(rescuing));
test('a rescue survives the death of its process at each write of the record', async () => {
  await assertSurvivesDeathAtEachWrite(rescuing);
  await assertSurvivesDeathAtEachWrite(rescuing, { failAt: 'guest.rescue' });
});

async function ending(): Promise<SagaTrial<typeof END, never>> {
  const host = await launched();
  await rescueServer(host.deps, MESSAGE);
  Object.assign(host.entry, {
    vm_state: 'rescued',
    system_metadata_json: JSON.stringify({ rescue: JSON.stringify(RESCUE) }),
  });
  return {
    saga: unrescueServerSaga(host.deps, host.entry) as never,
    input: END,
    // Undone is the guest that is rescued, from a disk that is there unless all was done but the last word.
    leftovers: async () => ((await targets(host)).includes('vdb') ? [] : ['the guest is not rescued']),
    assertDone: async () => assert.deepEqual(await notAsBefore(host), []),
    close: async () => host[Symbol.asyncDispose](),
  };
}

test('the end of a rescue survives the death of its process, and each step twice', async () => {
  await assertSurvivesDeathAtEachWrite(ending);
  await assertSurvivesDeathAtEachWrite(ending, { failAt: 'guest.restore' });
  const trial = await ending();
  try {
    assert.deepEqual(await trial.leftovers(), []);
  } finally {
    await trial.close?.();
  }
});

test('a stable rescue keeps all disks under their names and adds its own as the last', async () => {
  const volume = '66666666-2222-4333-8444-555555555555';
  const data = device({ id: 'data', volume_id: volume, attachment_id: 'reservation' });
  await using host = await launched({ devices: [data] });
  for (const [action, change, expected] of [
    ['cdrom', { bus: 'ide', device: 'cdrom' }, 'hda'],
    ['usb', { bus: 'usb' }, 'sda'],
    ['scsi', { bus: 'scsi' }, 'sda'],
    ['virtio', {}, 'vdc'],
  ] as const) {
    await rescueServer(host.deps, {
      ...MESSAGE,
      action_id: action,
      rescue: { ...RESCUE, ...change, stable: true },
    });
    assert.deepEqual(await targets(host), ['vda', 'vdb', expected, 'vdz']);
  }
});

test('the conductor learns the state and how to rescue the guest again after its host was away', async () => {
  await using host = await launched();
  await rescueServer(host.deps, MESSAGE);
  const finished = host.told.findLast(({ method }) => method === 'finishAction')?.args as {
    vm_state: string;
    changes: { system_metadata_json: string };
  };
  assert.equal(finished.vm_state, 'rescued');
  Object.assign(host.entry, { vm_state: 'rescued', ...finished.changes });
  await host.hypervisor.destroyServer(SERVER_ID);
  await restoreGuests(host.deps);
  assert.deepEqual(await targets(host), ['vda', 'vdb', 'vdz']);
  await unrescueServer(host.deps, END);
  assert.deepEqual(await notAsBefore(host), []);
});

test('an image that is not there leaves the server as it was; a stopped one stays stopped', async () => {
  await using host = await launched();
  const absent = { ...MESSAGE, rescue: { ...RESCUE, image_id: '44444444-2222-4333-8444-555555555555' } };
  await rescueServer(host.deps, absent);
  assert.deepEqual(await notAsBefore(host), []);
  const failed = host.told.find(({ method }) => method === 'failAction')?.args as Record<string, unknown>;
  assert.match(String(failed['message']), /does not exist/);
  assert.equal(failed['vm_state'], undefined);
  Object.assign(host.entry, { vm_state: 'stopped' });
  await host.hypervisor.destroyServer(SERVER_ID);
  await rescueServer(host.deps, { ...absent, action_id: 'again' });
  assert.equal((await host.hypervisor.serverState(SERVER_ID)).state, 'absent');
});

test('deleting a rescued server leaves nothing', async () => {
  await using host = await launched();
  await rescueServer(host.deps, MESSAGE);
  await deleteServer(host.deps, { action_id: 'delete', instance_id: SERVER_ID });
  assert.deepEqual(await host.leftovers(), []);
});
