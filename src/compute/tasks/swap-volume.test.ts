// Swapping volumes and rebuilding on one, on a model host: the volumes change places or all is as before, whatever fails; and
// the death of the process half-way costs nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { device } from '../host/testing/model-device.ts';
import { createModelHost, SERVER_ID, type ModelHost } from '../host/testing/model-host.ts';
import { launchServer } from './launch-server.ts';
import { rebuildServer } from './rebuild-server.ts';
import { swapVolume } from './swap-volume.ts';

const OLD = '66666666-2222-4333-8444-555555555555';
const IMAGE = '77777777-2222-4333-8444-555555555555';
const data = device({ id: 'data', volume_id: OLD, attachment_id: 'reservation' });

interface Swapping {
  readonly host: ModelHost;
  readonly wanted: string;
  readonly swap: () => Promise<void>;
  /** Statuses of the attachments, by volume. */
  readonly held: () => Record<string, string>;
}

/** A server that runs, with its volume, and the request for a swap. */
async function swapping(host: ModelHost): Promise<Swapping> {
  await launchServer(host.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  const made = await host.volumes.client.createVolume('t', { size: 2 });
  await host.volumes.client.createAttachment('t', { volume_uuid: made.id, instance_uuid: SERVER_ID });
  const replacement = device({ id: 'new', state: 'swapping', volume_id: made.id, volume_size: 2 });
  Object.assign(host.entry, { vm_state: 'active', devices: [...host.entry.devices, replacement] });
  return {
    host,
    wanted: made.id,
    swap: async () =>
      swapVolume(host.deps, {
        action_id: 'swap',
        instance_id: SERVER_ID,
        device_id: 'data',
        old_volume_id: OLD,
        replacement,
        user_token: 't',
      }),
    held: () =>
      Object.fromEntries([...host.volumes.attachments.values()].map((each) => [each.volume_id, each.status])),
  };
}

test('the new volume takes the place of the old, which is free, and the guest learns its size', async () => {
  await using host = await createModelHost({ devices: [data] });
  const { swap, held, wanted } = await swapping(host);
  for (const _ of [1, 2]) {
    await swap();
    assert.deepEqual(held(), { [wanted]: 'attached' });
    assert.deepEqual(
      host.entry.devices.map((each) => [each.id, each.volume_id, each.device_name]),
      [['data', wanted, '/dev/vdb']],
    );
  }
  const disk = (await host.hypervisor.listDisks(SERVER_ID)).find((each) => each.target === 'vdb');
  assert.deepEqual([disk?.serial, disk?.bytes], [OLD.slice(0, 20), 2 * 2 ** 30]);
});

test('a copy that fails leaves the old volume in its place and the new one free', async () => {
  await using host = await createModelHost({ devices: [data] });
  const { swap, held } = await swapping(host);
  host.deps.hypervisor.replaceDisk = async () => Promise.reject(new Error('the storage is full'));
  await swap();
  assert.deepEqual(held(), { [OLD]: 'attached' });
  assert.deepEqual(
    host.entry.devices.map((each) => [each.id, each.volume_id]),
    [['data', OLD]],
  );
  assert.ok(host.told.some(({ method }) => method === 'failAction'));
});

test('a server that stopped meanwhile keeps its volume', async () => {
  await using host = await createModelHost({ devices: [data] });
  const { swap, held } = await swapping(host);
  await host.hypervisor.destroyServer(SERVER_ID);
  await swap();
  assert.deepEqual(held(), { [OLD]: 'attached' });
});

test('what comes after the exchange may fail: the guest is on the new volume', async () => {
  await using host = await createModelHost({ devices: [data] });
  const { swap, wanted } = await swapping(host);
  const { resizeDisk } = host.hypervisor;
  host.deps.hypervisor.resizeDisk = async () => Promise.reject(new Error('no answer'));
  await swap();
  assert.equal(host.entry.devices.find((each) => each.id === 'data')?.volume_id, wanted);
  assert.ok([...host.volumes.attachments.values()].some((each) => each.volume_id === wanted));
  host.deps.hypervisor.resizeDisk = resizeDisk;
});

const root = device({
  id: 'root',
  volume_id: OLD,
  attachment_id: 'reservation',
  boot_index: 0,
  device_name: '/dev/vda',
});

test('a rebuild has the image written over the root volume, or keeps it', async () => {
  await using host = await createModelHost({ image_id: null, devices: [root] });
  await launchServer(host.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  const rebuild = async (action_id: string, image?: string) =>
    rebuildServer(host.deps, {
      action_id,
      instance_id: SERVER_ID,
      user_token: 't',
      ...(image === undefined ? {} : { root_image_id: image }),
    });
  const state = async () => (await host.hypervisor.serverState(SERVER_ID)).state;
  const statuses = () => [...host.volumes.attachments.values()].map((each) => each.status);
  const written = () => host.volumes.volumes.get(OLD)?.volume_image_metadata?.['image_id'];
  await rebuild('kept');
  assert.deepEqual([await state(), statuses(), written()], ['running', ['attached'], undefined]);
  await rebuild('over', IMAGE);
  assert.deepEqual([await state(), statuses(), written()], ['running', ['attached'], IMAGE]);
  assert.notEqual(host.entry.devices[0]?.attachment_id, 'reservation');
  Object.assign(host.entry, { vm_state: 'stopped' });
  await rebuild('stopped', IMAGE);
  assert.deepEqual([await state(), statuses()], ['absent', ['attached']]);
  host.volumes.volumes.get(OLD)!.status = 'error';
  await rebuild('failed', IMAGE);
  assert.ok(host.told.some(({ method }) => method === 'failAction'));
});
