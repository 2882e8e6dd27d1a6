// Moves, evacuations and unshelves that fail on a host are tried on others, on a simulated cloud of three hosts: the record has
// each attempt, and nothing is left. Apart from failures.test.ts, whose hosts must not clean up by themselves meanwhile.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiSession, type ApiSession, type ServerView } from '#test/support/api-session.ts';
import { cloudLog, startCloud, type TestCloud } from '#test/support/cloud.ts';
import { assertSound } from './audit.ts';

let cloud: TestCloud;
let admin: ApiSession;

before(async () => {
  cloud = await startCloud({ simulated: true, tuning: { host: { auditMs: 500, shutdownGraceMs: 200 } } });
  admin = await apiSession(cloud.dataPath, 'pileus-admin');
});
after(async () => cloud?.[Symbol.asyncDispose]());

const sound = async (when: string): Promise<void> => assertSound(cloud.dataPath, when);

async function launch(name: string): Promise<string> {
  const id = await (await apiSession(cloud.dataPath, 'pileus')).launch(name);
  assert.equal((await admin.settled(id))?.status, 'ACTIVE');
  return id;
}

/** The guest can't be made: on the next host that tries, or on all. */
async function breakSpawn(times?: number): Promise<void> {
  const spawn = { hop: 'spawn', fail: 'it is broken there', ...(times === undefined ? {} : { times }) };
  const { status } = await admin.request('PUT', '/simulation/behaviours', { behaviours: [spawn] });
  assert.equal(status, 200);
}

async function act(id: string, body: unknown): Promise<ServerView | undefined> {
  const { status } = await admin.request('POST', `/compute/v2.1/servers/${id}/action`, body);
  assert.ok([200, 202, 204].includes(status), `it answers ${status}`);
  return admin.settled(id);
}

/** How the choices of a host, and the makings of a guest, went in the newest action of that name. */
async function triesOf(id: string, action: string): Promise<string[]> {
  const path = `/compute/v2.1/servers/${id}/os-instance-actions`;
  const { body } = await admin.request('GET', path);
  const all = body['instanceActions'] as Array<{ action: string; request_id: string }>;
  const { request_id } = all.find((each) => each.action === action)!; // it was made
  const shown = (await admin.request('GET', `${path}/${request_id}`)).body['instanceAction'] as {
    events: Array<{ event: string; result: string | null }>;
  };
  const told = shown.events.filter(({ event }) => event === 'select' || event === 'spawn');
  return told.map(({ event, result }) => `${event} ${result}`).toSorted();
}

const TWICE = ['select Success', 'select Success', 'spawn Error', 'spawn Success'];

const hostOf = async (id: string): Promise<string> =>
  (await admin.server(id))?.['OS-EXT-SRV-ATTR:host'] ?? 'none';

test('a migration that fails at its destination goes to another host, and fails when there is none left', async () => {
  const id = await launch('restless');
  const from = await hostOf(id);
  await breakSpawn();
  const failed = await act(id, { migrate: null });
  assert.deepEqual([failed?.status, await hostOf(id)], ['ACTIVE', from]);
  assert.deepEqual(await triesOf(id, 'migrate'), [
    'select Error',
    'select Success',
    'select Success',
    'spawn Error',
    'spawn Error',
  ]);
  await sound('after a migration that failed at every host');
  await breakSpawn(1);
  const moved = await act(id, { migrate: null });
  assert.equal(moved?.status, 'VERIFY_RESIZE', moved?.fault?.message ?? '');
  assert.notEqual(await hostOf(id), from);
  assert.deepEqual(await triesOf(id, 'migrate'), TWICE);
  await sound('in the midst of a migration that was tried twice');
  await act(id, { confirmResize: null });
  await sound('after its confirmation');
});

test('an evacuation and an unshelve that fail at their destination go to another host', async () => {
  const id = await launch('homeless');
  const from = await hostOf(id);
  const services = await admin.request('GET', `/compute/v2.1/os-services?host=${from}`);
  const [{ id: service } = { id: '' }] = services.body['services'] as Array<{ id: string }>;
  await admin.request('PUT', `/compute/v2.1/os-services/${service}`, { forced_down: true });
  await breakSpawn(1);
  const evacuated = await act(id, { evacuate: {} });
  assert.equal(evacuated?.status, 'ACTIVE', evacuated?.fault?.message ?? '');
  assert.notEqual(await hostOf(id), from);
  assert.deepEqual(await triesOf(id, 'evacuate'), TWICE);
  await sound('after an evacuation that was tried twice');
  await admin.request('PUT', `/compute/v2.1/os-services/${service}`, { forced_down: false });
  assert.equal((await act(id, { shelve: null }))?.status, 'SHELVED_OFFLOADED');
  await breakSpawn(1);
  assert.equal((await act(id, { unshelve: null }))?.status, 'ACTIVE');
  assert.deepEqual(await triesOf(id, 'unshelve'), TWICE);
  await sound('after an unshelve that was tried twice');
});

test('none of this was a bug', async () => {
  const bugs = (await cloudLog(cloud)).split('\n').filter((line) => line.includes('"level":50'));
  assert.deepEqual(bugs, []);
});
