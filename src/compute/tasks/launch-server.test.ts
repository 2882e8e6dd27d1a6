// The launch on a model host: it works, it unwinds from every hop, every hop repeats, death at any write leaves nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type MemorySagaLog,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { createModelHost, SERVER_ID } from '../host/testing/model-host.ts';
import type { LaunchMessage } from '../rpc.ts';
import { deleteServer } from './delete-server.ts';
import { launchServer, launchServerSaga } from './launch-server.ts';
import type { LaunchOutputs } from './launch/hops.ts';

const MESSAGE: LaunchMessage = {
  action_id: 'action',
  instance_id: SERVER_ID,
  attempt: 1,
  user_token: 'token',
};

async function trial(): Promise<SagaTrial<LaunchMessage, LaunchOutputs>> {
  const host = await createModelHost();
  return {
    saga: launchServerSaga(host.deps),
    input: MESSAGE,
    leftovers: host.leftovers,
    assertDone: async () => {
      assert.equal((await host.hypervisor.serverState(SERVER_ID)).state, 'running');
      assert.equal(host.ports.size, 1);
      assert.equal((await host.deps.hostSwitch.listPlugged()).length, 1);
    },
    close: async () => host[Symbol.asyncDispose](),
  };
}

test('a launch unwinds from each hop and leaves nothing', async () => assertUnwindsFromEachStep(trial));
test('each hop of a launch may run twice', async () => assertStepsRepeat(trial));
test('a launch survives the death of its process at each write of the record', async () =>
  assertSurvivesDeathAtEachWrite(trial));
test('an unwinding survives the death of its process at each write of the record', async () =>
  assertSurvivesDeathAtEachWrite(trial, { failAt: 'activate' }));

test('the conductor learns that the guest runs', async () => {
  await using host = await createModelHost();
  await launchServer(host.deps, MESSAGE);
  assert.ok(host.told.some(({ method }) => method === 'finishLaunch'));
  assert.ok(!host.told.some(({ method }) => method === 'failLaunch'));
});

test('a port that never comes up fails the launch with the hop that is missing, to be tried elsewhere', async () => {
  await using host = await createModelHost();
  host.portUp = () => false;
  await launchServer(host.deps, MESSAGE);
  const failed = host.told.find(({ method }) => method === 'failLaunch')?.args as {
    failed_step: string;
    message: string;
    retriable: boolean;
  };
  assert.equal(failed.failed_step, 'network.bind');
  assert.match(failed.message, /did not come up.*chassis claim is missing/);
  assert.equal(failed.retriable, true);
  assert.deepEqual(await host.leftovers(), []);
});

test('an unknown image fails the launch for good', async () => {
  await using host = await createModelHost({ image_id: '44444444-2222-4333-8444-555555555555' });
  await launchServer(host.deps, MESSAGE);
  const failed = host.told.find(({ method }) => method === 'failLaunch')?.args as {
    failed_step: string;
    retriable: boolean;
  };
  assert.equal(failed.failed_step, 'image.locate');
  assert.equal(failed.retriable, false);
  assert.deepEqual(await host.leftovers(), []);
});

test('no secret enters the launch record', async () => {
  await using host = await createModelHost();
  await launchServer(host.deps, MESSAGE);
  const log = host.deps.sagaLog as MemorySagaLog;
  const text = JSON.stringify([...log.records.values()]);
  assert.ok(text.includes('network.bind'));
  for (const secret of ['"secret"', 'service-token', '"token"']) assert.ok(!text.includes(secret), secret);
});

test('deleting removes all that the launch made, and may be repeated', async () => {
  await using host = await createModelHost();
  await launchServer(host.deps, MESSAGE);
  for (let i = 0; i < 2; i++)
    await deleteServer(host.deps, { action_id: `delete-${i}`, instance_id: SERVER_ID });
  assert.deepEqual(await host.leftovers(), []);
  assert.equal(host.told.filter(({ method }) => method === 'finishDelete').length, 2);
});

test('a delete whose step fails is delivered again and goes on', async () => {
  await using host = await createModelHost();
  await launchServer(host.deps, MESSAGE);
  const { unplug } = host.deps.hostSwitch;
  let failures = 1;
  const hostSwitch = {
    ...host.deps.hostSwitch,
    unplug: async (name: string) =>
      failures-- > 0 ? Promise.reject(new Error('switch is away')) : unplug(name),
  };
  const deps = { ...host.deps, hostSwitch };
  await assert.rejects(deleteServer(deps, { action_id: 'delete', instance_id: SERVER_ID }), /switch is away/);
  await deleteServer(deps, { action_id: 'delete', instance_id: SERVER_ID });
  assert.deepEqual(await host.leftovers(), []);
});
