// What the agent's loops do for guests that run: their ports are put back, and those that ended with the hypervisor start again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '#test/support/until.ts';
import type { LaunchMessage } from '../rpc.ts';
import { launchServer } from '../tasks/launch-server.ts';
import { followPowerStates } from './power-states.ts';
import { startRepairingPorts } from './repair-ports.ts';
import { createModelHost, SERVER_ID, type ModelHost } from './testing/model-host.ts';

const MESSAGE: LaunchMessage = {
  instance_id: SERVER_ID,
  action_id: 'action-1',
  attempt: 1,
  user_token: 'token',
};
const RESTORED = Promise.resolve();

/** A host with a server that was launched, as the conductor has its entry then. */
async function hostWithServer(): Promise<ModelHost & { readonly devname: string }> {
  const host = await createModelHost();
  await launchServer(host.deps, MESSAGE);
  const [plugged] = await host.deps.hostSwitch.listPlugged();
  const { devname } = plugged!; // the launch plugged one
  Object.assign(host.entry, { vm_state: 'active', task_state: null });
  return Object.assign(host, { devname });
}

const wait = { deadlineMs: 30_000, everyMs: 5 };
const asked = ({ told }: ModelHost, what: string): boolean => told.some(({ method }) => method === what);
const runs = async ({ hypervisor }: ModelHost): Promise<boolean> =>
  (await hypervisor.serverState(SERVER_ID)).state === 'running';

test('a port that was taken off the bridge is put back at once', async () => {
  await using host = await hostWithServer();
  await using _ = startRepairingPorts(host.deps, RESTORED);
  await host.deps.hostSwitch.unplug(host.devname);
  await until(async () => host.portUp(host.devname.slice(3)), { ...wait, what: 'the port to be back' });
});

test('ports of a server that is stopped, or that somebody acts on, stay off', async () => {
  for (const change of [{ vm_state: 'stopped' }, { task_state: 'deleting' }]) {
    await using host = await hostWithServer();
    Object.assign(host.entry, change);
    await host.deps.hostSwitch.unplug(host.devname);
    const loop = startRepairingPorts(host.deps, RESTORED);
    await until(async () => asked(host, 'listHostEntries'), { ...wait, what: 'a look at the entries' });
    await loop[Symbol.asyncDispose]();
    assert.deepEqual(await host.deps.hostSwitch.listPlugged(), []);
  }
});

test('a guest that ended with the hypervisor is started again, and not reported as off', async () => {
  await using host = await hostWithServer();
  await using _ = followPowerStates(host.deps, RESTORED);
  await until(async () => asked(host, 'reportPowerStates'), { ...wait, what: 'the first report' });
  host.told.length = 0;
  host.hypervisor.disconnect();
  host.hypervisor.endGuest(SERVER_ID);
  host.hypervisor.reconnect();
  await until(async () => runs(host), { ...wait, what: 'the guest to run again' });
  assert.ok(!JSON.stringify(host.told).includes('"power_state":4'));
});

test('where guests outlive the hypervisor, one that is gone after a gap has ended by itself', async () => {
  await using host = await hostWithServer();
  const config = { ...host.deps.config, guestsEndWithHypervisor: false };
  await using _ = followPowerStates({ ...host.deps, config }, RESTORED);
  await until(async () => asked(host, 'reportPowerStates'), { ...wait, what: 'the first report' });
  host.hypervisor.disconnect();
  host.hypervisor.endGuest(SERVER_ID);
  host.hypervisor.reconnect();
  const isOff = async (): Promise<boolean> => JSON.stringify(host.told).includes('"power_state":4');
  await until(isOff, { ...wait, what: 'a report that it is off' });
  assert.equal(await runs(host), false);
});
