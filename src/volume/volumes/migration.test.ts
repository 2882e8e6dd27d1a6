// Moves of volumes between backends through the API: migrate and retype, their refusals, and what goes wrong on the way.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import { until } from '../../../test/support/until.ts';
import {
  startVolumes,
  untilStatus,
  type HarnessBackend,
  type VolumeHarness,
} from '../../../test/support/volume-harness.ts';

const version = '3.70';
const A = 'host-1@a#a';
const B = 'host-1@b#b';
const backends: readonly HarnessBackend[] = [{ name: 'a' }, { name: 'b' }];
const DATA = Buffer.alloc(65_536, 'moved');

type Json = Record<string, unknown>;

const act = async (volumes: VolumeHarness, id: string, body: Json, token = 'admin') =>
  volumes.call('POST', `/v3/volumes/${id}/action`, { version, body, token });

const migrate = async (volumes: VolumeHarness, id: string, more: Json = { host: B }, token = 'admin') =>
  act(volumes, id, { 'os-migrate_volume': { force_host_copy: false, lock_volume: false, ...more } }, token);

async function typeOf(volumes: VolumeHarness, backend: string): Promise<void> {
  const made = await volumes.call('POST', '/v3/types', {
    token: 'admin',
    body: { volume_type: { name: `on-${backend}`, extra_specs: { volume_backend_name: backend } } },
  });
  assert.equal(made.status, 200, JSON.stringify(made.body));
}

/** A volume with data on the backend a. */
async function volumeOnA(volumes: VolumeHarness): Promise<string> {
  await typeOf(volumes, 'a');
  const made = await volumes.call('POST', '/v3/volumes', {
    version,
    body: { volume: { size: 1, volume_type: 'on-a' } },
  });
  const id: string = made.body.volume.id;
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  await using access = await volumes.drivers.get('a')!.open({ volumeId: id }, 'rw');
  await access.write(0, DATA);
  return id;
}

/** The same without its type, which binds it to its backend. */
async function movable(volumes: VolumeHarness): Promise<string> {
  const id = await volumeOnA(volumes);
  const free = await act(volumes, id, { 'os-retype': { new_type: '__DEFAULT__' } });
  assert.equal(free.status, 202, JSON.stringify(free.body));
  return id;
}

const shown = async (volumes: VolumeHarness, id: string): Promise<Json> =>
  (await volumes.call('GET', `/v3/volumes/${id}`, { token: 'admin', version })).body.volume;

const heldBy = async (volumes: VolumeHarness, backend: string): Promise<string[]> =>
  (await volumes.drivers.get(backend)!.list()).map(({ volumeId }) => volumeId);

/** The volume is on one backend with its bytes, and the other one holds nothing. */
async function assertOn(volumes: VolumeHarness, id: string, here: 'a' | 'b'): Promise<void> {
  const there = here === 'a' ? 'b' : 'a';
  await until(async () => (await heldBy(volumes, there)).length === 0, {
    deadlineMs: 10_000,
    what: `nothing left on ${there}`,
    everyMs: 10,
  });
  assert.equal((await shown(volumes, id))['os-vol-host-attr:host'], here === 'a' ? A : B);
  assert.deepEqual(await heldBy(volumes, here), [id]);
  await using access = await volumes.drivers.get(here)!.open({ volumeId: id }, 'rw'); // nobody is connected
  assert.ok((await access.read(0, DATA.length)).equals(DATA));
}

async function untilMoved(volumes: VolumeHarness, id: string, status: string): Promise<void> {
  await until(async () => (await shown(volumes, id))['migration_status'] === status, {
    deadlineMs: 10_000,
    what: `migration_status ${status}`,
    everyMs: 10,
  });
  assert.equal((await shown(volumes, id))['status'], 'available');
}

/** Runs something before a method of the driver. */
function before(hook: (method: string) => Promise<void> | void): (driver: VolumeDriver) => VolumeDriver {
  return (driver) =>
    new Proxy(driver, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as unknown;
        if (typeof method !== 'function') return method;
        if (name === 'onLost') return method.bind(target) as unknown;
        return async (...args: unknown[]) => {
          await hook(String(name));
          return (method as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
}

test('a volume migrates there and back, and is used as before', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await movable(volumes);
  for (const [host, here] of [
    [B, 'b'],
    ['host-1@a', 'a'],
    [B, 'b'],
  ] as const) {
    const asked = await migrate(volumes, id, { host });
    assert.equal(asked.status, 202, JSON.stringify(asked.body));
    await until(async () => (await shown(volumes, id))['os-vol-host-attr:host'] === (here === 'a' ? A : B), {
      deadlineMs: 10_000,
      what: `the volume on ${host}`,
      everyMs: 10,
    });
    await untilMoved(volumes, id, 'success');
    await assertOn(volumes, id, here);
  }
  const service = rpcClient<VolumeServiceRpc>(volumes.bus, volumeQueue('host-1@b'));
  await service.call('removeStrayCopy', { volume_id: id }); // of an earlier move, delivered late
  await assertOn(volumes, id, 'b');
  assert.equal((await act(volumes, id, { 'os-extend': { new_size: 2 } })).status, 202);
  assert.equal((await untilStatus(volumes, `/v3/volumes/${id}`, 'available')).size, 2);
  assert.equal((await volumes.call('DELETE', `/v3/volumes/${id}`)).status, 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'gone');
  assert.deepEqual([await heldBy(volumes, 'a'), await heldBy(volumes, 'b')], [[], []]);
});

test('what can not be migrated is refused, and stays', async () => {
  await using volumes = await startVolumes({ backends: [...backends, { name: 'tiny', totalGb: 0 }] });
  const id = await volumeOnA(volumes);
  const refused = async (body: Json, why: RegExp, token = 'admin', status = 400): Promise<void> => {
    const answer = await migrate(volumes, id, body, token);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.match(JSON.stringify(answer.body), why);
  };
  await refused({ host: B }, /not allowed|Policy/i, 'member', 403);
  await refused({ host: null }, /one and only one/);
  await refused({ host: 'x@y#z' }, /no volume service/);
  await refused({ host: 'host-1@b#other' }, /no volume service/);
  await refused({ host: A }, /already/);
  await refused({ host: null, cluster: 'c' }, /no volume service/);
  await refused({ host: B, cluster: 'c' }, /one and only one/);
  await refused({ host: B }, /can't take the volume/); // its type is of a alone
  await act(volumes, id, { 'os-retype': { new_type: '__DEFAULT__' } });
  await refused({ host: 'host-1@tiny#tiny' }, /can't take the volume/);
  const taken = await volumes.call('POST', '/v3/snapshots', { body: { snapshot: { volume_id: id } } });
  const snapshot = `/v3/snapshots/${taken.body.snapshot.id}`;
  await untilStatus(volumes, snapshot, 'available');
  await refused({ host: B }, /must not have snapshots/);
  await volumes.call('DELETE', snapshot);
  await untilStatus(volumes, snapshot, 'gone');
  await act(volumes, id, { 'os-reserve': {} }, 'member');
  await refused({ host: B }, /status must be available/);
  await act(volumes, id, { 'os-unreserve': {} }, 'member');
  await assertOn(volumes, id, 'a');
});

test('a retype moves the data on demand alone', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await volumeOnA(volumes);
  await typeOf(volumes, 'b');
  await typeOf(volumes, 'nowhere');
  const retype = async (new_type: string, migration_policy: string) =>
    act(volumes, id, { 'os-retype': { new_type, migration_policy } }, 'member');
  assert.equal((await retype('on-b', 'never')).status, 400);
  assert.equal((await retype('on-nowhere', 'on-demand')).status, 400);
  assert.equal((await retype('on-b', 'on-demand')).status, 202);
  await untilMoved(volumes, id, 'success');
  await assertOn(volumes, id, 'b');
  assert.equal((await shown(volumes, id))['volume_type'], 'on-b');
});

for (const failing of ['createVolume', 'open'])
  test(`a move whose ${failing} fails on the destination leaves nothing there`, async () => {
    const wrap = before((method) => {
      if (method === failing) throw new VolumeBackendError('no-space', 'full');
    });
    await using volumes = await startVolumes({ backends: [{ name: 'a' }, { name: 'b', wrap }] });
    const id = await volumeOnA(volumes);
    await typeOf(volumes, 'b');
    const asked = await act(volumes, id, {
      'os-retype': { new_type: 'on-b', migration_policy: 'on-demand' },
    });
    assert.equal(asked.status, 202);
    await untilMoved(volumes, id, 'error');
    await assertOn(volumes, id, 'a');
    assert.equal((await shown(volumes, id))['volume_type'], 'on-a');
    const { body } = await volumes.call('GET', '/v3/messages', { version });
    assert.match(body.messages[0].user_message, /keeps its type.*The storage backend is full/);
  });

test('a move that the service dies in goes on when it is there again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pileus-moves-'));
  const hold = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const wrap = before(async (method) => {
    if (method !== 'open') return;
    reached.resolve();
    await hold.promise;
  });
  const first = await startVolumes({ dir, backends: [{ name: 'a' }, { name: 'b', wrap }] });
  try {
    const id = await movable(first);
    assert.equal((await migrate(first, id)).status, 202);
    await reached.promise;
    assert.equal((await shown(first, id))['status'], 'maintenance');
    assert.equal((await migrate(first, id)).status, 400, 'it is being moved');
    assert.equal((await first.call('DELETE', `/v3/volumes/${id}`)).status, 400);
    await first[Symbol.asyncDispose]();
    hold.reject(new Error('the service is gone')); // nothing is decided any more
    await using again = await startVolumes({ dir, backends });
    await untilMoved(again, id, 'success');
    await assertOn(again, id, 'b');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('a forced deletion ends a move, and nothing is left on either side', async () => {
  const hold = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const wrap = before(async (method) => {
    if (method !== 'open') return;
    reached.resolve();
    await hold.promise;
  });
  await using volumes = await startVolumes({ backends: [{ name: 'a' }, { name: 'b', wrap }] });
  const id = await movable(volumes);
  assert.equal((await migrate(volumes, id)).status, 202);
  await reached.promise;
  assert.equal((await act(volumes, id, { 'os-force_delete': null })).status, 202);
  hold.resolve();
  await untilStatus(volumes, `/v3/volumes/${id}`, 'gone');
  for (const backend of ['a', 'b'])
    await until(async () => (await heldBy(volumes, backend)).length === 0, {
      deadlineMs: 10_000,
      what: `nothing left on ${backend}`,
      everyMs: 10,
    });
});

test('a move that does not end in time is given up, and its copy removed', async () => {
  const hold = Promise.withResolvers<void>();
  const wrap = before(async (method) => {
    if (method === 'open') await hold.promise;
  });
  await using volumes = await startVolumes({
    backends: [{ name: 'a' }, { name: 'b', wrap }],
    config: { transferMs: 200, expiryIntervalMs: 50, expiryGraceMs: 10 },
    expire: true,
  });
  const id = await movable(volumes);
  assert.equal((await migrate(volumes, id)).status, 202);
  await untilMoved(volumes, id, 'error');
  hold.resolve();
  await assertOn(volumes, id, 'a');
});

test('a move of one volume is not completed with another', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await volumeOnA(volumes);
  const made = await volumes.call('POST', '/v3/volumes', { body: { volume: { size: 1 } } });
  const other = made.body.volume.id as string;
  const complete = async (new_volume: string, token = 'admin') =>
    act(volumes, id, { 'os-migrate_volume_completion': { new_volume } }, token);
  assert.equal((await complete(other, 'member')).status, 403);
  assert.equal((await complete('aaaaaaaa-0000-4000-8000-00000000000b')).status, 404);
  const still = await complete(other);
  assert.deepEqual([still.status, still.body], [200, { save_volume_id: other }], 'neither moves');
  await act(volumes, id, { 'os-retype': { new_type: '__DEFAULT__' } }); // its own is of a alone
  assert.equal((await migrate(volumes, id, { host: B })).status, 202);
  await untilMoved(volumes, id, 'success');
  assert.equal((await complete(other)).status, 400);
});
