// Shelving and unshelving on a model host: the image, the ports and the volumes outlast the host; each step may fail, run twice,
// or be cut off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { device } from '../host/testing/model-device.ts';
import { createModelHost, SERVER_ID, type ModelHost } from '../host/testing/model-host.ts';
import { systemMetadataOf } from '../system-metadata.ts';
import type { Vif } from '../tables.ts';
import { deleteServer } from './delete-server.ts';
import { launchServer } from './launch-server.ts';
import {
  offloadServer,
  offloadServerSaga,
  shelveServer,
  shelveServerSaga,
  startShelvedServer,
} from './shelve-server.ts';
import { unshelveServer, unshelveServerSaga } from './unshelve-server.ts';

const SHELVED = '99999999-2222-4333-8444-555555555555';
const VOLUME = '66666666-2222-4333-8444-555555555555';
const data = device({ id: 'data', volume_id: VOLUME, attachment_id: 'reservation' });
const MESSAGE = {
  action_id: 'shelve',
  instance_id: SERVER_ID,
  user_token: 'token',
  image_id: SHELVED,
  offload: true,
};
const BACK = {
  action_id: 'unshelve',
  instance_id: SERVER_ID,
  attempt: 1,
  user_token: 'token',
  requested_host: null,
  destination: { host: 'host-1', node: 'host-1', zone: 'nova' },
};

async function launched(changes: Parameters<typeof createModelHost>[0] = {}): Promise<ModelHost> {
  const host = await createModelHost({ devices: [data], ...changes });
  await launchServer(host.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  Object.assign(host.entry, { vm_state: 'active', task_state: null, power_state: 1 });
  return host;
}

const stateOf = async (host: ModelHost) => (await host.hypervisor.serverState(SERVER_ID)).state;
const statuses = (host: ModelHost) => [...host.volumes.attachments.values()].map((each) => each.status);
const bindings = (host: ModelHost) => [...host.ports.values()].map((port) => port['binding:host_id']);

async function shelving(): Promise<SagaTrial<typeof MESSAGE, never>> {
  const host = await launched();
  return {
    saga: shelveServerSaga(host.deps, host.entry, SHELVED) as never,
    input: MESSAGE,
    leftovers: async () => [
      ...((await stateOf(host)) === 'running' ? [] : ['the guest does not run']),
      ...[...host.images.keys()].map((id) => `image ${id}`),
    ],
    assertDone: async () => {
      assert.equal(await stateOf(host), 'absent');
      assert.equal(host.images.get(SHELVED)?.status, 'active');
    },
    close: async () => host[Symbol.asyncDispose](),
  };
}

test('shelving unwinds from each step to a server that runs', async () =>
  assertUnwindsFromEachStep(shelving));
test('each step of shelving may run twice', async () => assertStepsRepeat(shelving));
test('shelving survives the death of its process at each write of the record', async () => {
  await assertSurvivesDeathAtEachWrite(shelving);
  await assertSurvivesDeathAtEachWrite(shelving, { failAt: 'image.snapshot' });
});

async function offloading(): Promise<SagaTrial<typeof MESSAGE, never>> {
  const host = await launched();
  return {
    saga: offloadServerSaga(host.deps) as never,
    input: MESSAGE,
    leftovers: async () => [], // it only goes forward: what was done stays done
    assertDone: async () => assertOffloaded(host),
    close: async () => host[Symbol.asyncDispose](),
  };
}

async function assertOffloaded(host: ModelHost): Promise<void> {
  assert.deepEqual(
    await host.leftovers().then((all) => all.filter((each) => /^(guest|tap|directory)/.test(each))),
    [],
  );
  assert.deepEqual(bindings(host), ['']);
  assert.deepEqual(statuses(host), ['reserved']);
}

test('a server leaves its host whatever is cut off or done twice', async () => {
  await assertStepsRepeat(offloading);
  await assertSurvivesDeathAtEachWrite(offloading);
});

async function returning(): Promise<SagaTrial<typeof BACK, never>> {
  const host = await launched();
  await shelveServer(host.deps, MESSAGE);
  await assertOffloaded(host);
  return {
    saga: unshelveServerSaga(host.deps, host.entry) as never,
    input: BACK,
    leftovers: async () => {
      const left = (await host.leftovers()).filter((each) => /^(guest|tap|directory)/.test(each));
      if (host.ports.size !== 1 || bindings(host)[0] !== '') left.push(`ports ${bindings(host).join()}`);
      if (statuses(host).join() !== 'reserved') left.push(`volumes ${statuses(host).join()}`);
      if (!host.images.has(SHELVED)) left.push('no image');
      return left;
    },
    assertDone: async () => {
      assert.equal(await stateOf(host), 'running');
      assert.deepEqual([bindings(host), statuses(host)], [['host-1'], ['attached']]);
    },
    close: async () => host[Symbol.asyncDispose](),
  };
}

test('unshelving unwinds from each step and leaves image, ports and volumes', async () =>
  assertUnwindsFromEachStep(returning));
test('each step of unshelving may run twice', async () => assertStepsRepeat(returning));
test('unshelving survives the death of its process at each write of the record', async () => {
  await assertSurvivesDeathAtEachWrite(returning);
  await assertSurvivesDeathAtEachWrite(returning, { failAt: 'activate' });
});

test('a server that was shelved comes back with its addresses, and its image goes', async () => {
  await using host = await launched();
  const before = (JSON.parse(host.entry.vifs_json) as Vif[]).map((vif) => [vif.port_id, vif.mac]);
  await shelveServer(host.deps, MESSAGE);
  const noted = systemMetadataOf(host.entry);
  assert.deepEqual([noted.shelved_image_id, noted.shelved_host], [SHELVED, 'host-1']);
  assert.ok(host.told.some(({ method }) => method === 'finishOffload'));
  await unshelveServer(host.deps, BACK);
  const finished = host.told.findLast(({ method }) => method === 'finishAction')?.args as {
    vm_state: string;
    changes: { system_metadata_json: string };
  };
  assert.deepEqual([finished.vm_state, finished.changes.system_metadata_json], ['active', '{}']);
  assert.equal(host.images.size, 0);
  const after = (JSON.parse(host.entry.vifs_json) as Vif[]).map((vif) => [vif.port_id, vif.mac]);
  assert.deepEqual(after, before);
});

test('a server of another host is not launched here, and one whose image is gone says so', async () => {
  await using host = await launched();
  await shelveServer(host.deps, MESSAGE);
  Object.assign(host.entry, { host: 'host-2' });
  await unshelveServer(host.deps, BACK);
  assert.equal(await stateOf(host), 'absent');
  Object.assign(host.entry, { host: 'host-1' });
  host.images.clear();
  await unshelveServer(host.deps, BACK);
  const failed = host.told.findLast(({ method }) => method === 'failUnshelve')?.args as Record<
    string,
    unknown
  >;
  assert.deepEqual([failed['image_lost'], failed['retriable']], [true, false]);
  assert.match(String(failed['message']), /image\.locate: Image .* does not exist/);
});

test('one that stays on its host is started there; a step of leaving that fails is done later', async () => {
  await using host = await launched();
  await shelveServer(host.deps, { ...MESSAGE, offload: false });
  assert.equal(await stateOf(host), 'absent');
  const finished = host.told.findLast(({ method }) => method === 'finishAction')?.args as {
    changes: object;
  };
  Object.assign(host.entry, { vm_state: 'shelved', ...finished.changes });
  await startShelvedServer(host.deps, { action_id: 'back', instance_id: SERVER_ID });
  assert.deepEqual([await stateOf(host), host.images.size], ['running', 0]);
  const { unplug } = host.deps.hostSwitch;
  let failures = 1;
  const hostSwitch = {
    ...host.deps.hostSwitch,
    unplug: async (name: string) =>
      failures-- > 0 ? Promise.reject(new Error('switch is away')) : unplug(name),
  };
  const ref = { action_id: 'offload', instance_id: SERVER_ID };
  await assert.rejects(offloadServer({ ...host.deps, hostSwitch }, ref), /switch is away/);
  await offloadServer({ ...host.deps, hostSwitch }, ref);
  await assertOffloaded(host);
});

test('a volume-backed server needs no image, and a deleted one leaves none', async () => {
  const root = { ...data, id: 'root', boot_index: 0, device_name: '/dev/vda' };
  await using host = await launched({ image_id: null, devices: [root] });
  await shelveServer(host.deps, { ...MESSAGE, image_id: null });
  await assertOffloaded(host);
  assert.equal(host.images.size, 0);
  await unshelveServer(host.deps, BACK);
  assert.deepEqual([await stateOf(host), statuses(host)], ['running', ['attached']]);
  await using other = await launched();
  await shelveServer(other.deps, { ...MESSAGE, offload: false });
  const changes = other.told.findLast(({ method }) => method === 'finishAction')?.args as { changes: object };
  Object.assign(other.entry, changes.changes);
  await deleteServer(other.deps, { action_id: 'delete', instance_id: SERVER_ID });
  assert.equal(other.images.size, 0);
});
