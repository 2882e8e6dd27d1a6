// Volumes and snapshots that the service forgets and takes in again: their bytes, what is refused, and to whom.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { CALLERS, type Answer } from '#test/support/service-harness.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '#test/support/volume-harness.ts';

const version = '3.70';
const HOST = 'host-1@a';
const DATA = 'kept';
const PROJECT = CALLERS.admin.projectId;

let volumes: VolumeHarness;
let broken = false;

before(async () => {
  const wrap = (driver: VolumeDriver): VolumeDriver =>
    new Proxy(driver, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (key === 'renameVolume' && broken)
          return async () => Promise.reject(new VolumeBackendError('failed', 'made up'));
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  volumes = await startVolumes({ backends: [{ name: 'a', wrap }] });
});
after(async () => volumes[Symbol.asyncDispose]());

const send = async (method: string, path: string, body?: unknown, token = 'admin'): Promise<Answer> =>
  volumes.call(method, `/v3${path}`, { version, token, ...(body === undefined ? {} : { body }) });

const act = async (path: string, action: string): Promise<number> =>
  (await send('POST', `${path}/action`, { [action]: {} })).status;

const manage = async (volume: object, token?: string): Promise<Answer> =>
  send('POST', '/manageable_volumes', { volume: { host: HOST, ...volume } }, token);

const named = (id: string): object => ({ ref: { 'source-name': `volume-${id}` } });

async function newVolume(fields: object = {}): Promise<string> {
  const { body } = await send('POST', '/volumes', { volume: { size: 1, ...fields } });
  await untilStatus(volumes, `/v3/volumes/${body.volume.id}`, 'available', 'admin');
  return body.volume.id as string;
}

async function newSnapshot(volume_id: string): Promise<string> {
  const { body } = await send('POST', '/snapshots', { snapshot: { volume_id } });
  await untilStatus(volumes, `/v3/snapshots/${body.snapshot.id}`, 'available', 'admin');
  return body.snapshot.id as string;
}

/** As the list of what can be managed in shows it. */
async function manageable(
  kind: 'volume' | 'snapshot',
  id: string,
): Promise<Record<string, unknown> | undefined> {
  const { status, body } = await send('GET', `/manageable_${kind}s/detail?host=${HOST}`);
  assert.equal(status, 200, JSON.stringify(body));
  const all = body[`manageable-${kind}s`] as Array<{ reference: Record<string, string> }>;
  return all.find(({ reference }) => reference['source-name'] === `${kind}-${id}`);
}

const driver = (): VolumeDriver => volumes.drivers.get('a')!; // the harness was told to make it

test('a volume that was forgotten comes back with its bytes, its size and a new id', async () => {
  const id = await newVolume({ size: 2 });
  {
    await using access = await driver().open({ volumeId: id }, 'rw');
    await access.write(0, Buffer.from(DATA));
  }
  assert.equal((await manageable('volume', id))?.['reason_not_safe'], 'already managed');
  assert.equal(await act(`/volumes/${id}`, 'os-unmanage'), 202);
  assert.equal((await send('GET', `/volumes/${id}`)).status, 404);
  assert.deepEqual(await manageable('volume', id), {
    reference: { 'source-name': `volume-${id}` },
    size: 2,
    safe_to_manage: true,
    reason_not_safe: null,
    cinder_id: null,
    extra_info: null,
  });
  const answer = await manage({ ...named(id), name: 'back', metadata: { k: 'v' }, bootable: true });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const { volume } = answer.body;
  assert.equal(volume.status, 'managing');
  const now = await untilStatus(volumes, `/v3/volumes/${volume.id}`, 'available', 'admin');
  assert.deepEqual(
    [now.name, now.size, now.bootable, now.metadata, now['os-vol-host-attr:host']],
    ['back', 2, 'true', { k: 'v' }, `${HOST}#a`],
  );
  await using access = await driver().open({ volumeId: volume.id }, 'ro');
  assert.equal((await access.read(0, DATA.length)).toString(), DATA);
  assert.equal(await manageable('volume', id), undefined);
});

test('so does a snapshot', async () => {
  const volume_id = await newVolume();
  const id = await newSnapshot(volume_id);
  assert.equal(await act(`/volumes/${volume_id}`, 'os-unmanage'), 400, 'it has a snapshot');
  assert.equal(await act(`/snapshots/${id}`, 'os-unmanage'), 202);
  assert.equal((await send('GET', `/snapshots/${id}`)).status, 404);
  assert.equal((await manageable('snapshot', id))?.['safe_to_manage'], true);
  const snapshot = {
    volume_id,
    ref: { 'source-name': `snapshot-${id}` },
    name: 'back',
    metadata: { k: 'v' },
  };
  const answer = await send('POST', '/os-snapshot-manage', { snapshot });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const back = answer.body.snapshot.id as string;
  const now = await untilStatus(volumes, `/v3/snapshots/${back}`, 'available', 'admin');
  assert.deepEqual([now.name, now.size, now.metadata], ['back', 1, { k: 'v' }]);
  assert.deepEqual((await driver().list()).find((each) => each.volumeId === volume_id)?.snapshotIds, [back]);
  assert.equal((await send('POST', '/os-snapshot-manage', { snapshot })).status, 400, 'it is gone');
  const again = { ...snapshot, ref: { 'source-name': back } };
  assert.equal((await send('POST', '/os-snapshot-manage', { snapshot: again })).status, 400, 'it is managed');
});

test("refuses what is managed, what is not there, what a tenant asks, and more than the project's quota", async () => {
  const id = await newVolume();
  assert.equal((await manage(named(id))).status, 400, 'managed already');
  for (const name of ['volume-nothing', '../volumes', ''])
    assert.equal((await manage({ ref: { 'source-name': name } })).status, 400, name);
  assert.equal((await manage({ ref: {} })).status, 400);
  assert.equal((await manage({ ...named(id), host: 'host-9@a' })).status, 404);
  assert.equal((await manage({ ...named(id), host: `${HOST}#b` })).status, 400);
  assert.equal((await manage({ ...named(id), volume_type: 'nothing' })).status, 404);
  assert.equal((await manage(named(id), 'member')).status, 403);
  assert.equal((await send('GET', `/os-volume-manage?host=${HOST}`, undefined, 'member')).status, 403);
  assert.equal((await send('GET', '/os-volume-manage')).status, 400);
  const own = (await send('POST', '/volumes', { volume: { size: 1 } }, 'member')).body.volume.id as string;
  for (const [token, status] of [
    ['member', 403],
    ['stranger', 404],
  ] as const)
    assert.equal((await send('POST', `/volumes/${own}/action`, { 'os-unmanage': {} }, token)).status, status);
  assert.equal(await act(`/volumes/${id}`, 'os-unmanage'), 202);
  const { body } = await send('GET', `/os-quota-sets/${PROJECT}?usage=true`);
  const quota = body.quota_set as { volumes: { in_use: number; limit: number } };
  const limit = async (number: number): Promise<unknown> =>
    send('PUT', `/os-quota-sets/${PROJECT}`, { quota_set: { volumes: number } });
  await limit(quota.volumes.in_use);
  assert.equal((await manage(named(id))).status, 413);
  await limit(quota.volumes.limit);
  assert.equal((await manage(named(id))).status, 202);
});

test('what the backend fails at can be deleted, and tried again', async () => {
  const id = await newVolume();
  assert.equal(await act(`/volumes/${id}`, 'os-unmanage'), 202);
  broken = true;
  const { body } = await manage(named(id));
  await untilStatus(volumes, `/v3/volumes/${body.volume.id}`, 'error_managing', 'admin');
  broken = false;
  assert.equal((await send('DELETE', `/volumes/${body.volume.id}`)).status, 202);
  assert.equal((await manageable('volume', id))?.['safe_to_manage'], true);
  const again = await manage(named(id));
  await untilStatus(volumes, `/v3/volumes/${again.body.volume.id}`, 'available', 'admin');
});

test('the older paths and the newer ones do the same', async () => {
  const volume_id = await newVolume();
  const snapshotId = await newSnapshot(volume_id);
  assert.equal(await act(`/snapshots/${snapshotId}`, 'os-unmanage'), 202);
  for (const [kind, older] of [
    ['volume', '/os-volume-manage'],
    ['snapshot', '/os-snapshot-manage'],
  ] as const)
    for (const detail of ['', '/detail']) {
      const newest = await send('GET', `/manageable_${kind}s${detail}?host=${HOST}`);
      assert.equal(newest.status, 200);
      assert.deepEqual(
        (await send('GET', `${older}${detail}?host=${HOST}`)).body,
        newest.body,
        older + detail,
      );
    }
  const snapshot = { volume_id, ref: { 'source-name': `snapshot-${snapshotId}` } };
  const back = (await send('POST', '/manageable_snapshots', { snapshot })).body.snapshot.id;
  await untilStatus(volumes, `/v3/snapshots/${back}`, 'available', 'admin');
  const id = await newVolume();
  assert.equal(await act(`/volumes/${id}`, 'os-unmanage'), 202);
  const taken = await send('POST', '/os-volume-manage', { volume: { host: HOST, ...named(id) } });
  assert.equal(taken.status, 202, JSON.stringify(taken.body));
  await untilStatus(volumes, `/v3/volumes/${taken.body.volume.id}`, 'available', 'admin');
});

test('lists page by page, in the order that is asked for', async () => {
  const list = async (
    query: string,
  ): Promise<Array<{ size: number; reference: { 'source-name': string } }>> =>
    (await send('GET', `/manageable_volumes?host=${HOST}&${query}`)).body['manageable-volumes'];
  const all = await list('sort=size:asc');
  assert.ok(all.length > 2);
  assert.deepEqual(all, (await list('sort=size:desc')).toReversed());
  const marker = all[0]?.reference['source-name'] ?? '';
  assert.deepEqual(await list(`sort=size:asc&limit=1&marker=${marker}`), all.slice(1, 2));
  assert.deepEqual(await list('sort=size:asc&offset=1'), all.slice(1));
  for (const bad of ['limit=-1', 'sort=nothing', 'marker=nothing', 'cluster=c'])
    assert.equal((await send('GET', `/manageable_volumes?host=${HOST}&${bad}`)).status, 400, bad);
});
