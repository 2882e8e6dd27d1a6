// Evacuating on a model host: the server is made anew here with its ports and volumes; each step may fail, run twice, or be cut
// off; and the host that was down removes what was taken from it.
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
import { dropEvacuated, evacuateServer, evacuateServerSaga } from './evacuate-server.ts';
import { launchServer } from './launch-server.ts';
import { offloadServer } from './shelve-server.ts';

const VOLUME = '66666666-2222-4333-8444-555555555555';
const MESSAGE = {
  action_id: 'evacuate',
  instance_id: SERVER_ID,
  attempt: 1,
  user_token: 'token',
  migration_uuid: '77777777-2222-4333-8444-555555555555',
  destination: { host: 'host-1', node: 'host-1', zone: 'nova' },
  tried: { attempt: 1, exclude: ['host-2'], requested_host: null },
};

/** A server whose host is not this one, and is gone with all that was on it. */
async function orphaned(changes: Parameters<typeof createModelHost>[0] = {}): Promise<ModelHost> {
  const data = device({ id: 'data', volume_id: VOLUME, attachment_id: 'reservation' });
  const host = await createModelHost({ devices: [data], ...changes });
  await launchServer(host.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  await offloadServer(host.deps, { action_id: 'b', instance_id: SERVER_ID });
  Object.assign(host.entry, { vm_state: 'active', task_state: 'rebuilding', power_state: 1, host: 'host-2' });
  for (const [id, port] of host.ports) host.ports.set(id, { ...port, 'binding:host_id': 'host-2' });
  host.answers.finishEvacuation = () => ({ cancelled: false });
  return host;
}

const stateOf = async (host: ModelHost) => (await host.hypervisor.serverState(SERVER_ID)).state;
const statuses = (host: ModelHost) => [...host.volumes.attachments.values()].map((each) => each.status);
const bindings = (host: ModelHost) => [...host.ports.values()].map((port) => port['binding:host_id']);

async function evacuating(): Promise<SagaTrial<typeof MESSAGE, never>> {
  const host = await orphaned();
  return {
    saga: evacuateServerSaga(host.deps, host.entry, MESSAGE) as never,
    input: MESSAGE,
    leftovers: async () => {
      const left = (await host.leftovers()).filter((each) => /^(guest|tap|directory)/.test(each));
      if (bindings(host).join() !== 'host-2') left.push(`ports ${bindings(host).join()}`);
      if (statuses(host).join() !== 'reserved') left.push(`volumes ${statuses(host).join()}`);
      return left;
    },
    assertDone: async () => {
      assert.equal(await stateOf(host), 'running');
      assert.deepEqual([bindings(host), statuses(host)], [['host-1'], ['attached']]);
    },
    close: async () => host[Symbol.asyncDispose](),
  };
}

test('an evacuation unwinds from each step and leaves ports and volumes the server’s', async () =>
  assertUnwindsFromEachStep(evacuating));
test('each step of an evacuation may run twice', async () => assertStepsRepeat(evacuating));
test('an evacuation survives the death of its process at each write of the record', async () => {
  await assertSurvivesDeathAtEachWrite(evacuating);
  await assertSurvivesDeathAtEachWrite(evacuating, { failAt: 'spawn' });
});

test('the conductor learns that the server is here, and a stopped one stays stopped', async () => {
  await using host = await orphaned();
  await evacuateServer(host.deps, MESSAGE);
  const told = () =>
    host.told.findLast(({ method }) => method === 'finishEvacuation')?.args as { vm_state: string };
  assert.deepEqual([told().vm_state, await stateOf(host)], ['active', 'running']);
  await using other = await orphaned({ vm_state: 'stopped' });
  Object.assign(other.entry, { vm_state: 'stopped' });
  await evacuateServer(other.deps, MESSAGE);
  assert.equal(await stateOf(other), 'absent');
  assert.deepEqual([bindings(other), statuses(other)], [['host-1'], ['attached']]);
});

test('what fails is told, and nothing of the server is here', async () => {
  await using host = await orphaned({ image_id: '44444444-2222-4333-8444-555555555555' });
  await evacuateServer(host.deps, MESSAGE);
  const failed = host.told.findLast(({ method }) => method === 'failMove')?.args as { message: string };
  assert.match(failed.message, /Evacuation failed at image.locate: .*does not exist/);
  assert.equal(await stateOf(host), 'absent');
});

test('a host that is back removes what was evacuated from it, and not what has come back to it', async () => {
  for (const now of ['host-2', 'host-1']) {
    await using host = await createModelHost();
    await launchServer(host.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
    const { migration_uuid } = MESSAGE;
    host.answers.listEvacuated = () => [{ instance_id: SERVER_ID, migration_uuid }];
    Object.assign(host.entry, { host: now });
    for (let i = 0; i < 2; i++) assert.deepEqual(await dropEvacuated(host.deps), [SERVER_ID]);
    assert.equal(await stateOf(host), now === 'host-2' ? 'absent' : 'running');
    assert.equal(host.ports.size, 1);
    assert.equal(host.told.filter(({ method }) => method === 'finishEvacuated').length, 2);
  }
});
