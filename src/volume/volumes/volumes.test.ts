// Volumes through the API with a scheduler and model backends behind it: their life, lists, refusals and what goes wrong.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { ENGINES, urlOf } from '../../../test/support/engines.ts';
import { OTHER_PROJECT, PROJECT } from '../../../test/support/service-harness.ts';
import { until } from '../../../test/support/until.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';

const version = '3.70';
const backends = [{ name: 'file' }];

async function create(volumes: VolumeHarness, volume: Record<string, unknown> = {}): Promise<string> {
  const made = await volumes.call('POST', '/v3/volumes', {
    version,
    body: { volume: { size: 1, ...volume } },
  });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  return made.body.volume.id;
}

async function available(volumes: VolumeHarness, volume: Record<string, unknown> = {}): Promise<string> {
  const id = await create(volumes, volume);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  return id;
}

const act = async (volumes: VolumeHarness, id: string, body: Record<string, unknown>, token = 'member') =>
  volumes.call('POST', `/v3/volumes/${id}/action`, { version, body, token });

/** Lets a method of the driver fail, or wait, when `act` says so. */
function intercept(before: (method: string) => Promise<void> | void): (driver: VolumeDriver) => VolumeDriver {
  return (driver) =>
    new Proxy(driver, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as unknown;
        if (typeof method !== 'function') return method;
        if (name === 'onLost') return method.bind(target) as unknown;
        return async (...args: unknown[]) => {
          await before(String(name));
          return (method as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
}

test('makes, clones, extends, reverts and deletes a volume', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await available(volumes, { name: 'a', metadata: { k: 'v' } });
  const taken = await volumes.call('POST', '/v3/snapshots', {
    body: { snapshot: { volume_id: id, name: 's' } },
  });
  assert.deepEqual([taken.status, taken.body.snapshot.status], [202, 'creating']);
  const snapshot = taken.body.snapshot.id;
  await untilStatus(volumes, `/v3/snapshots/${snapshot}`, 'available');
  const clone = await available(volumes, { snapshot_id: snapshot, size: undefined });
  const copy = await available(volumes, { source_volid: id, size: 2 });
  assert.equal((await volumes.call('GET', `/v3/volumes/${copy}`)).body.volume.source_volid, id);
  const driver = volumes.drivers.get('file');
  {
    await using access = await driver!.open({ volumeId: id }, 'rw');
    await access.write(0, Buffer.alloc(512, 1));
  }
  assert.equal((await act(volumes, id, { revert: { snapshot_id: snapshot } })).status, 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  {
    await using access = await driver!.open({ volumeId: id }, 'ro');
    assert.ok((await access.read(0, 512)).equals(Buffer.alloc(512)), 'it holds what the snapshot held');
  }
  assert.equal((await act(volumes, id, { 'os-extend': { new_size: 1 } })).status, 400);
  assert.equal((await act(volumes, id, { 'os-extend': { new_size: 3 } })).status, 202);
  assert.equal((await untilStatus(volumes, `/v3/volumes/${id}`, 'available')).size, 3);
  assert.equal(
    (await act(volumes, id, { revert: { snapshot_id: snapshot } })).status,
    400,
    'it is larger now',
  );
  assert.equal((await volumes.call('DELETE', `/v3/volumes/${id}`)).status, 400, 'it has a snapshot');
  assert.equal((await volumes.call('DELETE', `/v3/volumes/${id}?cascade=true`)).status, 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'gone');
  await untilStatus(volumes, `/v3/snapshots/${snapshot}`, 'gone');
  for (const other of [clone, copy]) await volumes.call('DELETE', `/v3/volumes/${other}`);
  await until(async () => (await driver!.list()).length === 0, {
    deadlineMs: 30_000,
    what: 'an empty backend',
    everyMs: 10,
  });
});

test('answers both forms of its paths, and the second for the own project alone', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await available(volumes);
  const paths = [`/v3/${PROJECT}/volumes/${id}`, `/v3/${OTHER_PROJECT}/volumes/${id}`, `/v3/volumes/${id}`];
  const statuses = await Promise.all(paths.map(async (path) => (await volumes.call('GET', path)).status));
  assert.deepEqual(statuses, [200, 400, 200]);
  assert.equal((await volumes.call('GET', `/v3/volumes/${id}`, { token: 'stranger' })).status, 404);
  assert.equal((await volumes.call('GET', `/v3/volumes/${id}`, { token: 'admin' })).status, 200);
  assert.equal((await volumes.call('DELETE', `/v3/volumes/${id}`, { token: 'reader' })).status, 403);
  assert.equal(
    (await volumes.call('POST', '/v3/volumes', { token: 'reader', body: { volume: { size: 1 } } })).status,
    403,
  );
  const shown = (await volumes.call('GET', `/v3/volumes/${id}`, { token: 'admin' })).body.volume;
  assert.equal(shown['os-vol-host-attr:host'], 'host-1@file#file');
  assert.equal(
    (await volumes.call('GET', `/v3/volumes/${id}`)).body.volume['os-vol-host-attr:host'],
    undefined,
  );
  assert.equal((await volumes.call('GET', `/v3/volumes/${id}/launch-record`)).status, 403);
});

test('refuses what can not be made', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await available(volumes, { size: 2 });
  const statusOf = async (volume: Record<string, unknown>): Promise<number> =>
    (await volumes.call('POST', '/v3/volumes', { version, body: { volume } })).status;
  const cases: Array<[Record<string, unknown>, number]> = [
    [{}, 400],
    [{ size: 0 }, 400],
    [{ size: 'large' }, 400],
    [{ size: 1, name: 'x'.repeat(256) }, 400],
    [{ size: 1, name: 'nul\u0000' }, 400],
    [{ size: 1, availability_zone: 'mars' }, 400],
    [{ size: 1, volume_type: 'no-such-type' }, 404],
    [{ size: 1, source_volid: id }, 400],
    [{ source_volid: crypto.randomUUID() }, 404],
    [{ snapshot_id: crypto.randomUUID() }, 404],
    [{ source_volid: id, snapshot_id: id }, 400],
    [{ size: 5000 }, 413],
  ];
  for (const [volume, status] of cases) assert.equal(await statusOf(volume), status, JSON.stringify(volume));
});

for (const engine of ENGINES) {
  test(`lists with filters, order and pages, in a constant number of statements (${engine})`, async () => {
    await using volumes = await startVolumes({
      backends,
      config: { maxLimit: 50 },
      databaseUrl: await urlOf(engine),
    });
    for (const name of ['c', 'a', 'b']) await available(volumes, { name, metadata: { name } });
    const names = async (query: string, token = 'member'): Promise<string[]> =>
      (await volumes.call('GET', `/v3/volumes/detail?${query}`, { version, token })).body.volumes.map(
        (each: { name: string }) => each.name,
      );
    assert.deepEqual(await names('sort=name:asc'), ['a', 'b', 'c']);
    assert.deepEqual(await names('sort_key=name&sort_dir=desc'), ['c', 'b', 'a']);
    assert.deepEqual(await names('name=b'), ['b']);
    assert.deepEqual(await names("metadata={'name': 'c'}"), ['c']);
    assert.deepEqual(await names('status=available&name~=a'), ['a']);
    assert.deepEqual(await names('status=in-use'), []);
    assert.deepEqual(await names('created_at=gt:2999-01-01T00:00:00'), []);
    assert.deepEqual(await names('', 'stranger'), []);
    assert.deepEqual(await names('all_tenants=1&sort=name', 'stranger'), []);
    assert.equal((await names('all_tenants=1', 'admin')).length, 3);
    const seen: string[] = [];
    let url = '/v3/volumes?limit=2&sort=name:asc&with_count=true';
    for (let page = 0; page < 3 && url !== ''; page++) {
      const { body } = await volumes.call('GET', url, { version });
      assert.equal(body.count, 3);
      seen.push(...body.volumes.map((each: { name: string }) => each.name));
      const next = body.volumes_links?.[0].href as string | undefined;
      url = next === undefined ? '' : next.slice(next.indexOf('/v3/'));
    }
    assert.deepEqual(seen, ['a', 'b', 'c']);
    for (const query of ['limit=x', 'sort_key=secret', 'sort=name:up', 'metadata=[', 'host=h', 'offset=-1'])
      assert.equal((await volumes.call('GET', `/v3/volumes?${query}`, { version })).status, 400, query);
    assert.equal((await volumes.call('GET', '/v3/volumes?marker=nothing', { version })).status, 404);
    await listSnapshots(volumes);
    const { db } = volumes.service.deps;
    const cost = async (): Promise<number> => {
      const before = db.statements;
      await volumes.call('GET', '/v3/volumes/detail', { version });
      return db.statements - before;
    };
    const few = await cost();
    await available(volumes, { name: 'd' });
    assert.equal(await cost(), few);
  });
}

async function listSnapshots(volumes: VolumeHarness): Promise<void> {
  const [{ id: volume_id }] = (await volumes.call('GET', '/v3/volumes')).body.volumes;
  for (const name of ['s', 't']) {
    const body = { snapshot: { volume_id, name, metadata: { name } } };
    const { id } = (await volumes.call('POST', '/v3/snapshots', { body })).body.snapshot;
    await untilStatus(volumes, `/v3/snapshots/${id}`, 'available');
  }
  const found = async (query: string): Promise<string[]> =>
    (await volumes.call('GET', `/v3/snapshots/detail?${query}`, { version })).body.snapshots.map(
      (each: { name: string }) => each.name,
    );
  assert.deepEqual(await found('sort=name:asc'), ['s', 't']);
  assert.deepEqual(await found('name~=t&status=available&availability_zone=nova'), ['t']);
  assert.deepEqual(await found('metadata={"name":"s"}'), ['s']);
  assert.deepEqual(await found(`volume_id=${crypto.randomUUID()}`), []);
  const { body } = await volumes.call('GET', '/v3/snapshots?limit=1&sort=name:asc&with_count=1', { version });
  assert.equal(body.count, 2);
  const next = new URL(body.snapshots_links[0].href);
  assert.deepEqual(await found(next.searchParams.toString()), ['t']);
}

test('shows what each microversion added', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await available(volumes);
  const fields = async (at: string): Promise<Record<string, unknown>> =>
    (await volumes.call('GET', `/v3/volumes/${id}`, { version: at })).body.volume;
  for (const [added, before, field] of [
    ['3.13', '3.12', 'group_id'],
    ['3.48', '3.47', 'shared_targets'],
    ['3.63', '3.62', 'volume_type_id'],
    ['3.65', '3.64', 'consumes_quota'],
  ] as const) {
    assert.equal(field in (await fields(before)), false, `${field} before ${added}`);
    assert.equal(field in (await fields(added)), true, `${field} at ${added}`);
  }
  assert.deepEqual(
    [(await fields('3.68'))['shared_targets'], (await fields('3.69'))['shared_targets']],
    [false, null],
  );
  assert.equal((await volumes.call('GET', '/v3/volumes/summary', { version: '3.11' })).status, 404);
  assert.equal(
    (await volumes.call('GET', '/v3/volumes/summary', { version: '3.12' })).body['volume-summary'].total_size,
    1,
  );
  const body = { revert: { snapshot_id: id } };
  assert.equal(
    (await volumes.call('POST', `/v3/volumes/${id}/action`, { version: '3.39', body })).status,
    404,
  );
});

test('keeps metadata, and refuses to overwrite what has changed', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await available(volumes, { metadata: { a: '1' } });
  const at = `/v3/volumes/${id}/metadata`;
  assert.deepEqual((await volumes.call('POST', at, { body: { metadata: { b: '2' } } })).body.metadata, {
    a: '1',
    b: '2',
  });
  const { headers } = await volumes.call('GET', at, { version });
  const put = async (tag: string) =>
    volumes.call('PUT', at, { version, headers: { 'if-match': tag }, body: { metadata: { c: '3' } } });
  assert.equal((await put('another')).status, 412);
  assert.deepEqual((await put(headers['etag'] ?? '')).body, { metadata: { c: '3' } });
  assert.equal((await volumes.call('PUT', `${at}/c`, { body: { meta: { d: '1' } } })).status, 400);
  const one = { meta: { c: '4' } };
  assert.deepEqual((await volumes.call('PUT', `${at}/c`, { body: one })).body, one);
  assert.deepEqual((await volumes.call('GET', `${at}/c`)).body, one);
  assert.equal((await volumes.call('DELETE', `${at}/c`)).status, 200);
  assert.equal((await volumes.call('GET', `${at}/c`)).status, 404);
});

test('keeps what is known of its image, and whether it may be written', async () => {
  await using volumes = await startVolumes({ backends });
  const id = await available(volumes);
  const kept = async () => (await act(volumes, id, { 'os-show_image_metadata': null })).body.metadata;
  assert.deepEqual(await kept(), {});
  const metadata = { os_distro: 'debian', hw_disk_bus: 'scsi' };
  assert.equal((await act(volumes, id, { 'os-set_image_metadata': { metadata } })).status, 200);
  assert.deepEqual(await kept(), metadata);
  const unset = async (key: string, token = 'member') =>
    (await act(volumes, id, { 'os-unset_image_metadata': { key } }, token)).status;
  assert.equal(await unset('os_distro', 'reader'), 403);
  assert.equal(await unset('os_distro', 'stranger'), 404);
  assert.equal(await unset('os_distro'), 200);
  assert.equal(await unset('os_distro'), 404);
  assert.deepEqual(await kept(), { hw_disk_bus: 'scsi' });

  const lock = async (readonly: boolean, token = 'member') =>
    (await act(volumes, id, { 'os-update_readonly_flag': { readonly } }, token)).status;
  assert.equal(await lock(true, 'stranger'), 404);
  assert.equal(await lock(true), 202);
  const shown = async () => (await volumes.call('GET', `/v3/volumes/${id}`)).body.volume.metadata;
  assert.equal((await shown()).readonly, 'True');
  assert.equal(await lock(false), 202);
  assert.equal((await shown()).readonly, 'False');
});

test('says that it is not encrypted to who may see it', async () => {
  await using volumes = await startVolumes({ backends });
  const at = `/v3/volumes/${await available(volumes)}/encryption`;
  const get = async (path: string, token = 'member') => volumes.call('GET', at + path, { token });
  assert.deepEqual((await get('')).body, { encryption_key_id: null });
  assert.equal((await get('/encryption_key_id')).status, 200);
  assert.equal((await get('/cipher')).status, 404);
  assert.equal((await get('/__proto__')).status, 404);
  assert.equal((await get('', 'stranger')).status, 404);
});

test('says in the volume, a message and the record why no backend fits', async () => {
  await using volumes = await startVolumes({
    backends: [
      { name: 'small', totalGb: 1 },
      { name: 'tiny', totalGb: 1 },
    ],
  });
  const id = await create(volumes, { size: 30 });
  await untilStatus(volumes, `/v3/volumes/${id}`, 'error');
  const { body } = await volumes.call('GET', `/v3/messages?resource_uuid=${id}`, { version });
  assert.match(body.messages[0].user_message, /0 of 2 backends: 2 has promised too much already/);
  const record = (await volumes.call('GET', `/v3/volumes/${id}/launch-record`, { token: 'service' })).body
    .launch_record;
  assert.equal(record.backend, null);
  assert.deepEqual(
    record.steps.map((step: { step: string; state: string }) => [step.step, step.state]),
    [
      ['volume.request', 'done'],
      ['volume.schedule', 'failed'],
    ],
  );
  assert.equal((await volumes.call('DELETE', `/v3/volumes/${id}`)).status, 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'gone');
});

test('chooses by type, hints and source, and tries another backend when one fails', async () => {
  let broken = false;
  const wrap = intercept((method) => {
    if (broken && method === 'createVolume') throw new VolumeBackendError('failed', '/secret/path is broken');
  });
  await using volumes = await startVolumes({ backends: [{ name: 'a', wrap }, { name: 'b' }] });
  const hostOf = async (id: string): Promise<string> =>
    (await volumes.call('GET', `/v3/volumes/${id}`, { token: 'admin' })).body.volume['os-vol-host-attr:host'];
  const first = await available(volumes);
  assert.equal(await hostOf(first), 'host-1@a#a');
  assert.equal(await hostOf(await available(volumes)), 'host-1@b#b', 'the emptier one');
  const hinted = async (hints: Record<string, unknown>): Promise<string> => {
    const made = await volumes.call('POST', '/v3/volumes', {
      body: { volume: { size: 1 }, 'OS-SCH-HNT:scheduler_hints': hints },
    });
    await untilStatus(volumes, `/v3/volumes/${made.body.volume.id}`, 'available');
    return hostOf(made.body.volume.id);
  };
  assert.equal(await hinted({ same_host: [first] }), 'host-1@a#a');
  assert.equal(await hinted({ different_host: first }), 'host-1@b#b');
  const type = await volumes.call('POST', '/v3/types', {
    token: 'admin',
    body: { volume_type: { name: 'on-a', extra_specs: { volume_backend_name: 'a' } } },
  });
  assert.equal(type.status, 200);
  assert.equal(await hostOf(await available(volumes, { volume_type: 'on-a' })), 'host-1@a#a');
  broken = true;
  const moved = await available(volumes, { name: 'moved' });
  assert.equal(await hostOf(moved), 'host-1@b#b');
  const failed = await create(volumes, { volume_type: 'on-a' });
  await untilStatus(volumes, `/v3/volumes/${failed}`, 'error');
  const { body } = await volumes.call('GET', `/v3/messages?resource_uuid=${failed}`, { version });
  assert.match(
    body.messages[0].user_message,
    /The storage backend failed at it.*1 failed to make it already/s,
  );
  assert.doesNotMatch(JSON.stringify(body), /secret/, 'nothing of the host is told');
  const retype = { 'os-retype': { new_type: 'on-a', migration_policy: 'never' } };
  assert.equal((await act(volumes, first, retype)).status, 202);
  assert.equal((await act(volumes, moved, retype)).status, 400, 'it is on the other backend');
});

test('counts quotas, also when many ask at once', async () => {
  await using volumes = await startVolumes({ backends });
  await volumes.call('PUT', `/v3/os-quota-sets/${PROJECT}`, {
    token: 'admin',
    body: { quota_set: { volumes: 3 } },
  });
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () =>
      volumes.call('POST', '/v3/volumes', { body: { volume: { size: 1 } } }),
    ),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [202, 202, 202, 413, 413, 413, 413, 413]);
});

test('lets an administrator say the status, and forced deletion end what goes on', async () => {
  const hold = Promise.withResolvers<void>();
  let held = false;
  const wrap = intercept(async (method) => {
    if (held && method === 'createVolume') await hold.promise;
  });
  await using volumes = await startVolumes({ backends: [{ name: 'file', wrap }] });
  const id = await available(volumes);
  const reset = async (status: string, token = 'admin'): Promise<number> =>
    (await act(volumes, id, { 'os-reset_status': { status } }, token)).status;
  assert.equal(await reset('error', 'member'), 403);
  assert.equal(await reset('happy'), 400);
  assert.equal(await reset('error'), 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'error');
  assert.equal(await reset('in-use'), 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'in-use');
  assert.equal(await reset('available'), 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  held = true;
  const stuck = await create(volumes);
  const before = await volumes.call('DELETE', `/v3/volumes/${stuck}`);
  assert.equal(before.status, 400);
  assert.equal((await act(volumes, stuck, { 'os-force_delete': null })).status, 403);
  assert.equal((await act(volumes, stuck, { 'os-force_delete': null }, 'admin')).status, 202);
  hold.resolve();
  await untilStatus(volumes, `/v3/volumes/${stuck}`, 'gone');
  assert.deepEqual(
    (await volumes.drivers.get('file')!.list()).map((each) => each.volumeId),
    [id],
  );
});

test('ends what a restart interrupted', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'pileus-volume-'));
  t.after(async () => rm(dir, { recursive: true, force: true }));
  const reached = Promise.withResolvers<void>();
  let id = '';
  {
    const wrap = intercept(async (method) => {
      if (method !== 'createVolume') return;
      reached.resolve();
      await new Promise((resolve) => setTimeout(resolve, 300)); // the process closes meanwhile
    });
    await using volumes = await startVolumes({ dir, backends: [{ name: 'file', wrap }] });
    id = await create(volumes);
    await reached.promise;
  }
  await using volumes = await startVolumes({ dir, backends });
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  assert.deepEqual(
    (await volumes.drivers.get('file')!.list()).map((each) => each.volumeId),
    [id],
  );
});

test('deletes by force what waits for a backend', async () => {
  await using volumes = await startVolumes({ scheduler: false });
  const id = await create(volumes);
  assert.equal((await volumes.call('DELETE', `/v3/volumes/${id}`)).status, 400);
  assert.equal((await act(volumes, id, { 'os-force_delete': null }, 'admin')).status, 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'gone');
  const { db } = volumes.service.deps;
  const operations = await db.kysely.selectFrom('operations').select(['operation', 'state']).execute();
  assert.deepEqual(
    operations.map(({ operation, state }) => `${operation} ${state}`),
    ['create failed'],
  );
});

test('gives up what no backend takes up in time, with the reason', async () => {
  await using volumes = await startVolumes({
    config: { operationMs: 50, expiryGraceMs: 0, expiryIntervalMs: 20 },
    expire: true,
  });
  const { db } = volumes.service.deps;
  const made = await volumes.call('POST', '/v3/volumes', { body: { volume: { size: 1 } } });
  await untilStatus(volumes, `/v3/volumes/${made.body.volume.id}`, 'error'); // no backend at all
  await db.kysely
    .updateTable('volumes')
    .set({ lifecycle: 'available', host: 'gone@file#file' })
    .where('id', '=', made.body.volume.id)
    .execute();
  assert.equal((await act(volumes, made.body.volume.id, { 'os-extend': { new_size: 2 } })).status, 202);
  await untilStatus(volumes, `/v3/volumes/${made.body.volume.id}`, 'error_extending');
  const { body } = await volumes.call('GET', `/v3/messages?resource_uuid=${made.body.volume.id}`, {
    version,
  });
  assert.ok(
    body.messages.some((each: { user_message: string }) =>
      /hung in its message to be taken up/.test(each.user_message),
    ),
    JSON.stringify(body.messages),
  );
});
