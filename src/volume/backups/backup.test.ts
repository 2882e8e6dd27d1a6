// Backups through the REST API, made by a real volume service on the model of a backend; and their sagas, which end done or
// undone whatever fails or dies.
import { createMemoryVolumeDriver, type MemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { CALLERS, PROJECT, type Answer } from '#test/support/service-harness.ts';
import { until } from '#test/support/until.ts';
import { startVolumes, type VolumeHarness } from '#test/support/volume-harness.ts';
import { addVolume } from '#test/support/volume-rows.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { startVolumeBackend } from '#volume/host/volume-service.ts';
import type { BackupRow } from '#volume/tables.ts';
import {
  createBackupSaga,
  type CreateBackupInput,
  type CreateBackupOutputs,
} from '#volume/tasks/create-backup.ts';
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { backupObjectsOf } from './objects/of-service.ts';
import { insertBackup } from './store.ts';

const MIB = 2 ** 20;
const DEADLINE_MS = 20_000;
const latest = { version: '3.64' } as const;

interface World extends AsyncDisposable {
  readonly volumes: VolumeHarness;
  readonly driver: MemoryVolumeDriver;
}

async function startWorld({ withBackend = true } = {}): Promise<World> {
  await using undo = new AsyncDisposableStack();
  const volumes = undo.use(await startVolumes());
  const driver = undo.use(
    await createMemoryVolumeDriver({ directory: join(volumes.dir, 'backend'), totalGb: 100 }),
  );
  const { deps } = volumes.service;
  if (withBackend)
    undo.use(
      await startVolumeBackend(deps, { host: 'host-1', name: 'model', availabilityZone: 'nova', driver }),
    );
  const owned = undo.move();
  return { volumes, driver, [Symbol.asyncDispose]: async () => owned.disposeAsync() };
}

describe('backups', () => {
  let world: World;

  before(async () => {
    world = await startWorld();
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
  });

  const call = async (
    method: string,
    url: string,
    options: Parameters<VolumeHarness['call']>[2] = {},
  ): Promise<Answer> => world.volumes.call(method, `/v3${url}`, { ...latest, ...options });

  async function settled(url: string, key: string, busy: readonly string[]): Promise<Answer['body']> {
    return until(
      async () => {
        const answer = await call('GET', url);
        const resource = answer.body[key];
        return resource && !busy.includes(resource.status) ? resource : undefined;
      },
      { deadlineMs: DEADLINE_MS, what: url, everyMs: 20 },
    );
  }
  const volumeOf = async (id: string): Promise<Answer['body']> =>
    settled(`/volumes/${id}`, 'volume', ['creating', 'backing-up', 'restoring-backup', 'downloading']);
  const backupOf = async (id: string): Promise<Answer['body']> =>
    settled(`/backups/${id}`, 'backup', ['creating', 'restoring', 'deleting']);
  async function gone(url: string): Promise<void> {
    await until(async () => (await call('GET', url)).status === 404, {
      deadlineMs: DEADLINE_MS,
      what: `${url} to be gone`,
      everyMs: 20,
    });
  }

  async function newVolume(size = 1, metadata = {}): Promise<string> {
    const made = await call('POST', '/volumes', { body: { volume: { size, name: 'v', metadata } } });
    assert.equal(made.status, 202);
    assert.equal((await volumeOf(made.body.volume.id)).status, 'available');
    return made.body.volume.id;
  }
  async function write(volumeId: string, offset: number, data: Buffer): Promise<void> {
    await using access = await world.driver.open({ volumeId }, 'rw');
    await access.write(offset, data);
    await access.flush();
  }
  async function read(volumeId: string, offset: number, length: number): Promise<Buffer> {
    await using access = await world.driver.open({ volumeId }, 'ro');
    return await access.read(offset, length);
  }
  async function backUp(body: Record<string, unknown>): Promise<Answer['body']> {
    const made = await call('POST', '/backups', { body: { backup: body } });
    assert.equal(made.status, 202, JSON.stringify(made.body));
    return backupOf(made.body.backup.id);
  }
  const snapshotsOf = async (volumeId: string): Promise<readonly string[]> =>
    (await world.driver.list()).find((each) => each.volumeId === volumeId)?.snapshotIds ?? [];

  test('full and incremental, restored into a new and into another volume', async () => {
    const volume_id = await newVolume(1, { purpose: 'test' });
    const first = randomBytes(2 * MIB);
    await write(volume_id, 5 * MIB, first);
    const full = await backUp({ volume_id, name: 'full', metadata: { a: 'b' }, container: 'c' });
    assert.deepEqual(
      [full.status, full.is_incremental, full.size, full.object_count, full.metadata, full.container],
      ['available', false, 1, 1, { a: 'b' }, 'c'],
    );
    assert.equal((await volumeOf(volume_id)).status, 'available');
    assert.deepEqual(await snapshotsOf(volume_id), []);
    const second = randomBytes(MIB);
    await write(volume_id, 6 * MIB, second);
    const incremental = await backUp({ volume_id, incremental: true });
    assert.equal(incremental.is_incremental, true);
    assert.equal((await call('GET', `/backups/${full.id}`)).body.backup.has_dependent_backups, true);

    const restored = await call('POST', `/backups/${incremental.id}/restore`, {
      body: { restore: { name: 'again' } },
    });
    assert.equal(restored.status, 202);
    const into = restored.body.restore.volume_id;
    const volume = await volumeOf(into);
    assert.deepEqual(
      [volume.status, volume.name, volume.metadata],
      ['available', 'again', { purpose: 'test' }],
    );
    assert.ok((await read(into, 5 * MIB, MIB)).equals(first.subarray(0, MIB)));
    assert.ok((await read(into, 6 * MIB, MIB)).equals(second));

    const other = await newVolume(2);
    await write(other, 100 * MIB, randomBytes(MIB));
    const back = await call('POST', `/backups/${full.id}/restore`, {
      body: { restore: { volume_id: other } },
    });
    assert.equal(back.status, 202);
    assert.equal((await volumeOf(other)).status, 'available');
    assert.equal((await backupOf(full.id)).status, 'available');
    assert.ok((await read(other, 5 * MIB, 2 * MIB)).equals(first));
    assert.ok((await read(other, 100 * MIB, MIB)).every((byte) => byte === 0));

    const refused = await call('DELETE', `/backups/${full.id}`);
    assert.equal(refused.status, 400);
    assert.match(refused.body.badRequest.message, /Incremental backups exist/);
    for (const { id } of [incremental, full]) {
      assert.equal((await call('DELETE', `/backups/${id}`)).status, 202);
      await gone(`/backups/${id}`);
    }
    assert.deepEqual(await backupObjectsOf({ dataDir: world.volumes.dir }).listSets(), []);
  });

  test('of a snapshot, and of a volume in use only when forced', async () => {
    const volume_id = await newVolume();
    const data = randomBytes(MIB);
    await write(volume_id, 0, data);
    const { snapshot } = (await call('POST', '/snapshots', { body: { snapshot: { volume_id, name: 's' } } }))
      .body;
    await settled(`/snapshots/${snapshot.id}`, 'snapshot', ['creating']);
    await write(volume_id, 0, randomBytes(MIB));
    const ofSnapshot = await backUp({ volume_id, snapshot_id: snapshot.id });
    assert.equal(ofSnapshot.snapshot_id, snapshot.id);
    assert.deepEqual(await snapshotsOf(volume_id), [snapshot.id]);
    const into = await newVolume();
    await call('POST', `/backups/${ofSnapshot.id}/restore`, { body: { restore: { volume_id: into } } });
    await volumeOf(into);
    assert.ok((await read(into, 0, MIB)).equals(data));

    await attach(volume_id);
    const plain = await call('POST', '/backups', { body: { backup: { volume_id } } });
    assert.equal(plain.status, 400);
    assert.equal((await backUp({ volume_id, force: true })).status, 'available');
    assert.equal((await volumeOf(volume_id)).status, 'in-use');
    const onto = await call('POST', `/backups/${ofSnapshot.id}/restore`, {
      body: { restore: { volume_id } },
    });
    assert.equal(onto.status, 400);
  });

  async function attach(volumeId: string): Promise<void> {
    const now = new Date().toISOString();
    await world.volumes.service.deps.db.kysely
      .insertInto('attachments')
      .values({
        id: randomUUID(),
        volume_id: volumeId,
        project_id: PROJECT,
        instance_id: randomUUID(),
        status: 'attached',
        mode: 'rw',
        connector_json: null,
        connection_json: null,
        mountpoint: '/dev/vdb',
        attached_host: 'host-1',
        attached_at: now,
        created_at: now,
        updated_at: null,
      })
      .execute();
  }

  test('a record is exported, and imported under another id shares the data', async () => {
    const volume_id = await newVolume();
    await write(volume_id, 0, randomBytes(MIB));
    const { id } = await backUp({ volume_id });
    const path = `/backups/${id}/export_record`;
    assert.equal((await call('GET', path)).status, 403);
    const record = (await call('GET', path, { token: 'admin' })).body['backup-record'];
    const importing = async (changes: Record<string, unknown>): Promise<Answer> => {
      const facts = JSON.parse(Buffer.from(record.backup_url, 'base64').toString()) as object;
      const backup_url = Buffer.from(JSON.stringify({ ...facts, ...changes })).toString('base64');
      const body = { 'backup-record': { ...record, backup_url } };
      return call('POST', '/backups/import_record', { token: 'admin', body });
    };
    assert.equal((await importing({})).status, 400);
    for (const bad of [
      { id: randomUUID(), data_id: '../../..' },
      { id: randomUUID(), data_id: randomUUID() },
      { id: 'x' },
      { id: randomUUID(), metadata: { a: 1 } },
    ])
      assert.equal((await importing(bad)).status, 400, JSON.stringify(bad));
    const other = randomUUID();
    assert.equal((await importing({ id: other })).status, 201);
    assert.equal((await call('DELETE', `/backups/${id}`)).status, 202);
    await gone(`/backups/${id}`);
    const into = await call('POST', `/backups/${other}/restore`, { token: 'admin', body: { restore: {} } });
    assert.equal(into.status, 202);
    await until(
      async () =>
        (await call('GET', `/volumes/${into.body.restore.volume_id}`, { token: 'admin' })).body.volume
          .status === 'available',
      { deadlineMs: DEADLINE_MS, what: 'the restored volume', everyMs: 20 },
    );
    await call('DELETE', `/backups/${other}`, { token: 'admin' });
    await until(
      async () => !(await backupObjectsOf({ dataDir: world.volumes.dir }).listSets()).includes(id),
      { deadlineMs: DEADLINE_MS, what: 'the data to be gone', everyMs: 20 },
    );
  });

  test('are listed, changed, and refused as upstream refuses', async () => {
    const volume_id = await newVolume();
    const missing = { volume_id: randomUUID() };
    for (const [body, status] of [
      [missing, 404],
      [{ volume_id, incremental: true }, 400],
      [{ volume_id, container: 'a/b' }, 400],
      [{ volume_id, snapshot_id: randomUUID() }, 404],
      [{ volume_id, more: 1 }, 400],
      [{}, 400],
    ] as const)
      assert.equal((await call('POST', '/backups', { body: { backup: body } })).status, status);
    const { id } = await backUp({ volume_id, name: 'one' });
    const list = await call('GET', '/backups/detail?name=one&with_count=True');
    assert.deepEqual([list.body.backups.length, list.body.count], [1, 1]);
    assert.equal((await call('GET', '/backups', { token: 'stranger' })).body.backups.length, 0);
    assert.equal((await call('GET', '/backups?limit=x')).status, 400);
    const path = `/backups/${id}`;
    const rename = { backup: { name: 'two', metadata: { k: 'v' } } };
    assert.equal((await call('PUT', path, { body: rename, version: '3.8' })).status, 404);
    assert.equal((await call('PUT', path, { body: rename, version: '3.42' })).status, 400);
    assert.equal((await call('PUT', path, { body: rename })).body.backup.name, 'two');
    assert.equal((await call('PUT', path, { body: { backup: {} } })).status, 400);
    for (const [method, url] of [
      ['GET', path],
      ['PUT', path],
      ['DELETE', path],
      ['POST', `${path}/restore`],
    ] as const) {
      const body = { ...(url === path ? rename : { restore: {} }) };
      const options = method === 'GET' || method === 'DELETE' ? {} : { body };
      assert.equal((await call(method, url, { token: 'stranger', ...options })).status, 404, method);
      if (method !== 'GET')
        assert.equal((await call(method, url, { token: 'reader', ...options })).status, 403, method);
    }
    const small = await call('POST', '/volumes', { body: { volume: { size: 1, backup_id: id } } });
    assert.equal(small.status, 202);
    await volumeOf(small.body.volume.id);
    const reset = { 'os-reset_status': { status: 'error' } };
    assert.equal((await call('POST', `${path}/action`, { body: reset })).status, 403);
    assert.equal((await call('POST', `${path}/action`, { token: 'admin', body: reset })).status, 202);
    assert.equal((await backupOf(id)).status, 'error');
    assert.equal((await call('POST', `${path}/restore`, { body: { restore: {} } })).status, 400);
    const force = { 'os-force_delete': {} };
    assert.equal((await call('POST', `${path}/action`, { token: 'admin', body: force })).status, 202);
    await gone(path);
  });

  test('count against limits of their own', async () => {
    const volume_id = await newVolume();
    const limit = async (backups: number): Promise<Answer> =>
      call('PUT', `/os-quota-sets/${PROJECT}`, { token: 'admin', body: { quota_set: { backups } } });
    await limit(0);
    const refused = await call('POST', '/backups', { body: { backup: { volume_id } } });
    assert.equal(refused.status, 413);
    assert.equal((await volumeOf(volume_id)).status, 'available');
    await limit(10);
  });

  test('that cannot be made say why, and leave the volume as it was', async () => {
    const volume_id = await newVolume();
    await world.driver.deleteVolume(volume_id);
    const failed = await backUp({ volume_id });
    assert.equal(failed.status, 'error');
    assert.match(failed.fail_reason, /storage backend/);
    assert.equal((await volumeOf(volume_id)).status, 'available');
    const { messages } = (await call('GET', `/messages?resource_uuid=${failed.id}`)).body;
    assert.equal(messages[0].event_id, 'VOLUME_VOLUME_BACKUP_013_001');
  });
});

describe('the saga of a backup', () => {
  const worlds: World[] = [];
  after(async () => {
    for (const world of worlds) await world[Symbol.asyncDispose]();
  });

  async function trial(): Promise<SagaTrial<CreateBackupInput, CreateBackupOutputs>> {
    const world = await startWorld({ withBackend: false });
    worlds.push(world);
    const { deps } = world.volumes.service;
    const host = 'host-1@model';
    const volume_id = await addVolume(world.volumes, { host: `${host}#model`, lifecycle: 'backing-up' });
    await world.driver.createVolume(volume_id, 1, { kind: 'blank' });
    {
      await using access = await world.driver.open({ volumeId: volume_id }, 'rw');
      await access.write(3 * MIB, randomBytes(MIB));
      await access.flush();
    }
    const backup_id = randomUUID();
    await insertBackup(deps.db.kysely, backupRow(backup_id, volume_id));
    const backend: BackendDeps = {
      ...deps,
      host,
      pool: 'model',
      availabilityZone: 'nova',
      driver: world.driver,
      volumeLocks: new KeyedMutex(),
      cluster: null,
      inHand: new Set(),
      connectionLock: new KeyedMutex(),
      signal: new AbortController().signal,
    };
    const sets = async (): Promise<readonly string[]> =>
      readdir(join(deps.dataDir, 'backups')).catch(() => []);
    const held = async (): Promise<readonly string[]> =>
      (await world.driver.list()).flatMap((each) => each.snapshotIds);
    return {
      saga: createBackupSaga(backend),
      input: { operation_id: randomUUID(), volume_id, backup_id },
      leftovers: async () => [...(await sets()), ...(await held())],
      assertDone: async () => {
        assert.deepEqual(await sets(), [backup_id]);
        assert.deepEqual(await held(), []);
      },
      close: async () => world[Symbol.asyncDispose](),
    };
  }

  test('unwinds from each step', async () => assertUnwindsFromEachStep(trial));
  test('repeats each step', async () => assertStepsRepeat(trial));
  test('survives death at each line of its record', async () => {
    await assertSurvivesDeathAtEachWrite(trial);
    await assertSurvivesDeathAtEachWrite(trial, { failAt: 'backup.release' });
  });
});

function backupRow(id: string, volume_id: string): BackupRow {
  const now = new Date().toISOString();
  return {
    id,
    project_id: PROJECT,
    user_id: CALLERS.member.userId,
    volume_id,
    snapshot_id: null,
    name: null,
    description: null,
    status: 'creating',
    fail_reason: null,
    size: 1,
    container: 'volumebackups',
    data_id: id,
    parent_id: null,
    data_timestamp: now,
    object_count: 0,
    bytes_stored: 0,
    service_host: 'host-1@model',
    availability_zone: 'nova',
    metadata_json: '{}',
    restore_volume_id: null,
    encryption_key_id: null,
    created_at: now,
    updated_at: null,
  };
}
