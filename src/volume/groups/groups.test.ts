// Groups through the API: what is made of several volumes is made wholly or not at all, on every engine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { ENGINES, urlOf } from '../../../test/support/engines.ts';
import type { JsonValue } from '../../../test/support/service-harness.ts';
import { until } from '../../../test/support/until.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';
import { settleGroups } from '../loops/settle-groups.ts';

const version = '3.70';
const TYPE = '__DEFAULT__';

interface Stage {
  readonly volumes: VolumeHarness;
  readonly group: string;
  readonly members: readonly string[];
}

const send = async (volumes: VolumeHarness, method: string, path: string, body?: unknown, token = 'member') =>
  volumes.call(method, `/v3${path}`, { token, version, ...(body === undefined ? {} : { body }) });

async function newGroup(volumes: VolumeHarness, size = 2): Promise<Stage> {
  const group_type = { name: 'plain' };
  const type = await send(volumes, 'POST', '/group_types', { group_type }, 'admin');
  assert.equal(type.status, 202, JSON.stringify(type.body));
  const asked = { name: 'g', group_type: 'plain', volume_types: [TYPE] };
  const made = await send(volumes, 'POST', '/groups', { group: asked });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  const group = made.body.group.id as string;
  const members: string[] = [];
  for (let i = 0; i < size; i++) {
    const volume = { size: 1, volume_type: TYPE, group_id: group };
    const { body } = await send(volumes, 'POST', '/volumes', { volume });
    assert.equal(body.volume.group_id, group);
    members.push(body.volume.id as string);
    await untilStatus(volumes, `/v3/volumes/${body.volume.id}`, 'available');
  }
  return { volumes, group, members };
}

const take = async ({ volumes, group }: Stage) =>
  send(volumes, 'POST', '/group_snapshots', { group_snapshot: { group_id: group, name: 's' } });

/** Waits for `status`, or `gone`. @returns the resource */
async function settled(volumes: VolumeHarness, path: string, status: string): Promise<JsonValue> {
  let seen: JsonValue;
  await until(
    async () => {
      const { body } = await send(volumes, 'GET', path);
      seen = body.group ?? body.group_snapshot;
      return status === 'gone' ? seen === undefined : seen?.status === status;
    },
    { deadlineMs: 10_000, everyMs: 10, what: `${path} to be ${status}` },
  );
  return seen;
}

const of = async (volumes: VolumeHarness, key: string): Promise<JsonValue[]> =>
  (await send(volumes, 'GET', `/${key}/detail`)).body[key];

const removeAll = async ({ volumes, group }: Pick<Stage, 'volumes' | 'group'>) =>
  send(volumes, 'POST', `/groups/${group}/action`, { delete: { 'delete-volumes': true } });

/** A driver whose `method` fails from the nth call on. */
const failingFrom =
  (method: 'createSnapshot' | 'createVolume' | 'deleteVolume', nth: number) =>
  (driver: VolumeDriver): VolumeDriver => {
    let calls = 0;
    return new Proxy(driver, {
      get: (target, name) => {
        const own = Reflect.get(target, name) as unknown;
        if (typeof own !== 'function') return own;
        const bound = own.bind(target) as (...args: unknown[]) => unknown;
        if (name !== method) return bound;
        return async (...args: unknown[]): Promise<unknown> => {
          if (++calls >= nth) throw new VolumeBackendError('failed', 'it fails here');
          return bound(...args);
        };
      },
    });
  };

for (const engine of ENGINES)
  test(`a group is snapshotted, cloned and deleted as one (${engine})`, async () => {
    await using volumes = await startVolumes({
      backends: [{ name: 'memory' }],
      databaseUrl: await urlOf(engine),
    });
    const stage = await newGroup(volumes);
    const taken = await take(stage);
    assert.equal(taken.status, 202, JSON.stringify(taken.body));
    const id = taken.body.group_snapshot.id as string;
    await settled(volumes, `/group_snapshots/${id}`, 'available');
    const snapshots = await of(volumes, 'snapshots');
    assert.deepEqual(new Set(snapshots.map((each) => each.volume_id)), new Set(stage.members));
    assert.ok(snapshots.every((each) => each.group_snapshot_id === id && each.size === 1));
    assert.equal((await send(volumes, 'DELETE', `/snapshots/${snapshots[0].id}`)).status, 400);
    assert.equal((await send(volumes, 'DELETE', `/volumes/${stage.members[0]}`)).status, 400);
    assert.equal((await removeAll(stage)).status, 400, 'it has a group snapshot');
    for (const source of [{ group_snapshot_id: id }, { source_group_id: stage.group }]) {
      const clone = await send(volumes, 'POST', '/groups/action', { 'create-from-src': source });
      assert.equal(clone.status, 202, JSON.stringify(clone.body));
      const group = clone.body.group.id as string;
      await settled(volumes, `/groups/${group}`, 'available');
      const { body } = await send(volumes, 'GET', `/volumes?group_id=${group}`);
      assert.equal(body.volumes.length, 2);
      assert.equal((await removeAll({ volumes, group })).status, 202);
      await settled(volumes, `/groups/${group}`, 'gone');
    }
    assert.equal((await send(volumes, 'DELETE', `/group_snapshots/${id}`)).status, 202);
    await settled(volumes, `/group_snapshots/${id}`, 'gone');
    const kept = await send(volumes, 'POST', `/groups/${stage.group}/action`, { delete: {} });
    assert.equal(kept.status, 400, 'it has volumes');
    await removeAll(stage);
    await settled(volumes, `/groups/${stage.group}`, 'gone');
    assert.deepEqual(await of(volumes, 'volumes'), []);
    assert.deepEqual(await volumes.drivers.get('memory')?.list(), []);
  });

test('a group snapshot of which one member fails leaves no snapshot', async () => {
  const wrap = failingFrom('createSnapshot', 2);
  await using volumes = await startVolumes({ backends: [{ name: 'memory', wrap }] });
  const stage = await newGroup(volumes, 3);
  const { body } = await take(stage);
  const path = `/group_snapshots/${body.group_snapshot.id}`;
  await settled(volumes, path, 'error');
  await until(async () => (await of(volumes, 'snapshots')).length === 0, {
    deadlineMs: 10_000,
    what: 'the snapshots to be gone',
  });
  const stored = await volumes.drivers.get('memory')?.list();
  assert.deepEqual(
    stored?.flatMap(({ snapshotIds }) => snapshotIds),
    [],
  );
  assert.equal((await send(volumes, 'DELETE', path)).status, 202);
  await settled(volumes, path, 'gone');
});

test('a clone of a group of which one volume fails leaves no volume', async () => {
  const wrap = failingFrom('createVolume', 4);
  await using volumes = await startVolumes({
    backends: [{ name: 'memory', wrap }],
    config: { maxAttempts: 1 },
  });
  const stage = await newGroup(volumes);
  const body = { 'create-from-src': { source_group_id: stage.group } };
  const made = await send(volumes, 'POST', '/groups/action', body);
  await settled(volumes, `/groups/${made.body.group.id}`, 'error');
  await until(async () => (await of(volumes, 'volumes')).length === 2, {
    deadlineMs: 10_000,
    what: 'the clones to be gone',
  });
  assert.equal((await volumes.drivers.get('memory')?.list())?.length, 2);
  assert.deepEqual(
    new Set((await of(volumes, 'volumes')).map(({ id }) => id as string)),
    new Set(stage.members),
  );
});

test('a deletion that a backend refuses ends as such, and can be asked again', async () => {
  const wrap = failingFrom('deleteVolume', 1);
  await using volumes = await startVolumes({ backends: [{ name: 'memory', wrap }] });
  const stage = await newGroup(volumes, 1);
  assert.equal((await removeAll(stage)).status, 202);
  await settled(volumes, `/groups/${stage.group}`, 'error_deleting');
  assert.equal((await removeAll(stage)).status, 202);
  await settled(volumes, `/groups/${stage.group}`, 'error_deleting');
});

test('what was begun before a crash is ended by the loop alone', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'memory' }] });
  const stage = await newGroup(volumes, 1);
  const { db } = volumes.service.deps;
  await db.kysely.updateTable('volume_groups').set({ status: 'creating' }).execute();
  await settleGroups(volumes.service.deps);
  await settled(volumes, `/groups/${stage.group}`, 'available');
});

test('who may see and change groups, and what is refused', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'memory' }] });
  const { group, members } = await newGroup(volumes, 1);
  for (const [method, path, body] of [
    ['GET', `/groups/${group}`],
    ['PUT', `/groups/${group}`, { group: { name: 'x' } }],
    ['POST', `/groups/${group}/action`, { delete: {} }],
    ['POST', '/group_snapshots', { group_snapshot: { group_id: group } }],
    ['POST', '/groups/action', { 'create-from-src': { source_group_id: group } }],
  ] as const)
    assert.equal((await send(volumes, method, path, body, 'stranger')).status, 404, path);
  const put = async (fields: object, token = 'member') =>
    (await send(volumes, 'PUT', `/groups/${group}`, { group: fields }, token)).status;
  assert.equal(await put({ name: 'x' }, 'reader'), 403);
  assert.equal(await put({}), 400);
  assert.equal(await put({ add_volumes: 'x' }), 400);
  assert.equal(await put({ add_volumes: members[0], remove_volumes: members[0] }), 400);
  assert.equal(await put({ remove_volumes: members[0] }), 202);
  assert.equal((await send(volumes, 'GET', `/volumes/${members[0]}`)).body.volume.group_id, null);
  assert.equal(await put({ add_volumes: members[0] }), 202);
  const promising = { name: 'c', group_specs: { group_replication_enabled: '<is> True' } };
  await send(volumes, 'POST', '/group_types', { group_type: promising }, 'admin');
  const refused = await send(volumes, 'POST', '/groups', {
    group: { group_type: 'c', volume_types: [TYPE] },
  });
  assert.match(refused.body.badRequest.message, /group_replication_enabled/);
  const quota_set = { groups: 1 };
  const { project_id } = (await send(volumes, 'GET', `/groups/${group}`, undefined, 'admin')).body.group;
  await send(volumes, 'PUT', `/os-quota-sets/${project_id}`, { quota_set }, 'admin');
  const over = await send(volumes, 'POST', '/groups', {
    group: { group_type: 'plain', volume_types: [TYPE] },
  });
  assert.equal(over.status, 413);
});

test('types of groups and their specs are changed by administrators', async () => {
  await using volumes = await startVolumes();
  const asAdmin = async (method: string, path: string, body?: unknown) =>
    send(volumes, method, `/group_types${path}`, body, 'admin');
  const made = await asAdmin('POST', '', { group_type: { name: 'a', group_specs: { k: 'v' } } });
  const at = `/${made.body.group_type.id}`;
  const put = { group_type: { name: 'b', description: 'd', is_public: false } };
  const changed = (await asAdmin('PUT', at, put)).body.group_type;
  assert.deepEqual([changed.name, changed.description, changed.is_public], ['b', 'd', false]);
  assert.equal((await send(volumes, 'GET', `/group_types${at}`)).status, 404, 'not public any longer');
  const added = await asAdmin('POST', `${at}/group_specs`, { group_specs: { l: 'w' } });
  assert.deepEqual([added.status, added.body], [202, { group_specs: { l: 'w' } }]);
  assert.deepEqual((await asAdmin('PUT', `${at}/group_specs/l`, { l: 'x' })).body, { l: 'x' });
  assert.deepEqual((await asAdmin('GET', `${at}/group_specs/l`)).body, { l: 'x' });
  assert.deepEqual((await asAdmin('GET', `${at}/group_specs`)).body.group_specs, { k: 'v', l: 'x' });
  assert.equal((await asAdmin('PUT', `${at}/group_specs/l`, { m: 'x' })).status, 400);
  assert.equal((await asAdmin('DELETE', `${at}/group_specs/k`)).status, 202);
  assert.equal((await asAdmin('GET', `${at}/group_specs/k`)).status, 404);
  for (const [method, path, body] of [
    ['PUT', at, put],
    ['POST', `${at}/group_specs`, { group_specs: { l: 'w' } }],
    ['DELETE', at],
  ] as const)
    assert.equal((await send(volumes, method, `/group_types${path}`, body)).status, 403, `${method} ${path}`);
  assert.equal((await asAdmin('DELETE', at)).status, 202);
  assert.equal((await asAdmin('GET', at)).status, 404);
});
