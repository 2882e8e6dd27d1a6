// Consistency groups, as clients of the older API use them: snapshots of all volumes at one moment, or none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { GroupMember, VolumeDriver } from '#drivers/volume/port.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import type { Answer, JsonValue } from '../../../test/support/service-harness.ts';
import { until } from '../../../test/support/until.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';
import { endOperation } from '../operations/store.ts';
import { volumeQueue, type VolumeServiceRpc } from '../rpc.ts';

const TYPE = '__DEFAULT__';

const send = async (
  volumes: VolumeHarness,
  method: string,
  path: string,
  body?: unknown,
  { token = 'member', version = '3.70' } = {},
): Promise<Answer> =>
  volumes.call(method, `/v3${path}`, { token, version, ...(body === undefined ? {} : { body }) });

/** A driver that notes what is asked to be taken together, and does it unless `fails` throws. */
const noting =
  (taken: Array<readonly GroupMember[]>, fails: () => void = () => undefined) =>
  (driver: VolumeDriver): VolumeDriver =>
    new Proxy(driver, {
      get: (target, name) => {
        const own = Reflect.get(target, name) as unknown;
        if (typeof own !== 'function') return own;
        const bound = own.bind(target) as (...args: unknown[]) => Promise<unknown>;
        if (name !== 'createSnapshots') return bound;
        return async (members: readonly GroupMember[]): Promise<void> => {
          taken.push(members);
          fails();
          await bound(members);
        };
      },
    });

interface Stage {
  readonly group: string;
  readonly members: readonly string[];
}

async function newGroup(volumes: VolumeHarness, size = 2): Promise<Stage> {
  const asked = { name: ' cg ', volume_types: `${TYPE},`, status: 'creating', user_id: null };
  const made = await send(volumes, 'POST', '/consistencygroups', { consistencygroup: asked });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  assert.deepEqual(Object.keys(made.body.consistencygroup).toSorted(), ['id', 'name']);
  const group = made.body.consistencygroup.id as string;
  const members: string[] = [];
  for (let i = 0; i < size; i++) {
    const volume = { size: 1, volume_type: TYPE, consistencygroup_id: group };
    const { body } = await send(volumes, 'POST', '/volumes', { volume });
    assert.equal(body.volume.consistencygroup_id, group);
    members.push(body.volume.id as string);
  }
  for (const id of members) await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  return { group, members };
}

async function settled(volumes: VolumeHarness, path: string, status: string): Promise<void> {
  let seen: JsonValue;
  await until(
    async () => {
      const { body } = await send(volumes, 'GET', path);
      seen = body.cgsnapshot ?? body.consistencygroup;
      return status === 'gone' ? seen === undefined : seen?.status === status;
    },
    { deadlineMs: 10_000, everyMs: 10, what: () => `${path} to be ${status}, not ${seen?.status}` },
  );
}

const take = async (volumes: VolumeHarness, { group }: Stage): Promise<string> => {
  const cgsnapshot = { consistencygroup_id: group, name: 's' };
  const { status, body } = await send(volumes, 'POST', '/cgsnapshots', { cgsnapshot });
  assert.equal(status, 202, JSON.stringify(body));
  return body.cgsnapshot.id as string;
};

const snapshotsOf = async (volumes: VolumeHarness): Promise<JsonValue[]> =>
  (await send(volumes, 'GET', '/snapshots/detail')).body.snapshots;

test('a consistency group lies on one backend, and its snapshots are taken at one moment', async () => {
  const taken: Array<readonly GroupMember[]> = [];
  const wrap = noting(taken);
  await using volumes = await startVolumes({
    backends: [
      { name: 'a', wrap },
      { name: 'b', wrap },
    ],
  });
  const stage = await newGroup(volumes, 3);
  const { group, members } = stage;
  const admin = { token: 'admin' };
  const seen = (await send(volumes, 'GET', '/volumes/detail?all_tenants=1', undefined, admin)).body
    .volumes as JsonValue[];
  assert.equal(new Set(seen.map((each) => each['os-vol-host-attr:host'])).size, 1);
  assert.ok(seen.every((each) => each.consistencygroup_id === group && each.group_id === group));
  const id = await take(volumes, stage);
  await settled(volumes, `/cgsnapshots/${id}`, 'available');
  assert.deepEqual(
    taken.map((each) => each.map(({ volumeId }) => volumeId).toSorted()),
    [members.toSorted()],
  );
  assert.ok((await snapshotsOf(volumes)).every(({ status }) => status === 'available'));
  const shown = (await send(volumes, 'GET', '/cgsnapshots/detail')).body.cgsnapshots;
  assert.deepEqual(
    shown.map((each: JsonValue) => [each.id, each.consistencygroup_id, each.name, each.status]),
    [[id, group, 's', 'available']],
  );
  assert.deepEqual((await send(volumes, 'GET', '/cgsnapshots?limit=5')).body, {
    cgsnapshots: [{ id, name: 's' }],
  });
  for (const source of [{ cgsnapshot_id: id }, { source_cgid: group }]) {
    const body = { 'consistencygroup-from-src': { name: 'clone', status: 'creating', ...source } };
    const clone = await send(volumes, 'POST', '/consistencygroups/create_from_src', body);
    assert.equal(clone.status, 202, JSON.stringify(clone.body));
    const path = `/consistencygroups/${clone.body.consistencygroup.id}`;
    await settled(volumes, path, 'available');
    const plain = await send(volumes, 'POST', `${path}/delete`, { consistencygroup: { force: false } });
    assert.equal(plain.status, 400, 'it has volumes');
    const forced = await send(volumes, 'POST', `${path}/delete`, { consistencygroup: { force: true } });
    assert.equal(forced.status, 202);
    await settled(volumes, path, 'gone');
  }
  assert.equal((await send(volumes, 'DELETE', `/cgsnapshots/${id}`)).status, 202);
  await settled(volumes, `/cgsnapshots/${id}`, 'gone');
});

test('the API of groups leaves consistency groups alone', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'memory' }] });
  const stage = await newGroup(volumes, 1);
  const id = await take(volumes, stage);
  await settled(volumes, `/cgsnapshots/${id}`, 'available');
  const { group } = stage;
  for (const [method, path, body] of [
    ['GET', `/groups/${group}`],
    ['PUT', `/groups/${group}`, { group: { name: 'x' } }],
    ['POST', `/groups/${group}/action`, { delete: {} }],
    ['POST', '/groups/action', { 'create-from-src': { source_group_id: group } }],
    ['POST', '/groups/action', { 'create-from-src': { group_snapshot_id: id } }],
    ['POST', '/groups', { group: { group_type: 'default_cgsnapshot_type', volume_types: [TYPE] } }],
    ['POST', '/group_snapshots', { group_snapshot: { group_id: group } }],
    ['GET', `/group_snapshots/${id}`],
    ['DELETE', `/group_snapshots/${id}`],
  ] as const) {
    const answer = await send(volumes, method, path, body);
    assert.deepEqual([answer.status, path], [400, path], JSON.stringify(answer.body));
  }
  assert.deepEqual((await send(volumes, 'GET', '/groups')).body, { groups: [] });
  assert.deepEqual((await send(volumes, 'GET', '/group_snapshots/detail')).body, { group_snapshots: [] });
  const { body } = await send(volumes, 'GET', '/group_types', undefined, { token: 'admin' });
  assert.deepEqual(
    body.group_types.map((each: JsonValue) => [each.name, each.group_specs]),
    [['default_cgsnapshot_type', { consistent_group_snapshot_enabled: '<is> True' }]],
  );
});

test('consistency groups are listed, changed and refused as upstream does', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'memory' }] });
  const { group, members } = await newGroup(volumes, 1);
  const path = `/consistencygroups/${group}`;
  const put = async (fields: object, options: { token?: string; version?: string } = {}): Promise<number> =>
    (await send(volumes, 'PUT', `${path}/update`, { consistencygroup: fields }, options)).status;
  assert.deepEqual([await put({ name: '' }, { version: '3.5' }), await put({ name: '' })], [400, 202]);
  assert.deepEqual([await put({}), await put({ name: 'x' }, { token: 'reader' })], [400, 403]);
  assert.equal(await put({ name: 'x', description: 'd', remove_volumes: members[0] }), 202);
  assert.equal(await put({ add_volumes: members[0] }), 202);
  const short = await send(volumes, 'PUT', path, { consistencygroup: { description: 'd' } });
  assert.equal(short.status, 202, 'as clients write the path');
  for (const listed of ['/consistencygroups', '/consistencygroups/detail']) {
    assert.equal(
      (await send(volumes, 'GET', `${listed}?name=x&limit=1`)).body.consistencygroups[0].id,
      group,
    );
    assert.deepEqual((await send(volumes, 'GET', `${listed}?name=y`)).body.consistencygroups, []);
    assert.deepEqual(
      (await send(volumes, 'GET', listed, undefined, { token: 'stranger' })).body.consistencygroups,
      [],
    );
  }
  const { consistencygroup } = (await send(volumes, 'GET', path)).body;
  assert.deepEqual([consistencygroup.status, consistencygroup.description], ['available', 'd']);
  for (const [method, at, body] of [
    ['GET', path],
    ['POST', `${path}/delete`, { consistencygroup: {} }],
    ['POST', '/cgsnapshots', { cgsnapshot: { consistencygroup_id: group } }],
    ['POST', '/consistencygroups/create_from_src', { 'consistencygroup-from-src': { source_cgid: group } }],
  ] as const)
    assert.equal((await send(volumes, method, at, body, { token: 'stranger' })).status, 404, at);
  for (const bad of [{ name: 'x' }, { volume_types: ',' }])
    assert.equal((await send(volumes, 'POST', '/consistencygroups', { consistencygroup: bad })).status, 400);
  const unknown = { consistencygroup: { volume_types: 'nothing' } };
  assert.equal((await send(volumes, 'POST', '/consistencygroups', unknown)).status, 404);
});

test('snapshots that the backend does not take together are not taken at all', async () => {
  const taken: Array<readonly GroupMember[]> = [];
  const wrap = noting(taken, () => {
    throw new VolumeBackendError('failed', 'it fails here');
  });
  await using volumes = await startVolumes({ backends: [{ name: 'memory', wrap }] });
  const id = await take(volumes, await newGroup(volumes));
  await settled(volumes, `/cgsnapshots/${id}`, 'error');
  await until(async () => (await snapshotsOf(volumes)).length === 0, {
    deadlineMs: 10_000,
    what: 'the snapshots to be gone',
  });
  assert.equal(taken.length, 1);
});

test('a message that comes again, or for what was given up, takes no snapshot more', async () => {
  const taken: Array<readonly GroupMember[]> = [];
  await using volumes = await startVolumes({ backends: [{ name: 'memory', wrap: noting(taken) }] });
  const id = await take(volumes, await newGroup(volumes));
  await settled(volumes, `/cgsnapshots/${id}`, 'available');
  const { db } = volumes.service.deps;
  const rows = await db.kysely
    .selectFrom('operations')
    .selectAll()
    .where('resource_type', '=', 'snapshot')
    .execute();
  const snapshots = await db.kysely.selectFrom('snapshots').selectAll().execute();
  const members = rows.map((row) => ({
    operation_id: row.id,
    snapshot_id: row.resource_id,
    volume_id: snapshots.find((each) => each.id === row.resource_id)?.volume_id ?? '',
  }));
  const backend = rpcClient<VolumeServiceRpc>(volumes.bus, volumeQueue('host-1@memory'));
  await backend.cast('createGroupSnapshot', { members });
  assert.equal(taken.length, 1, 'all have ended');
  await db.kysely
    .updateTable('operations')
    .set({ state: 'running' })
    .where('resource_type', '=', 'snapshot')
    .execute();
  await db.kysely.updateTable('snapshots').set({ status: 'creating' }).execute();
  await endOperation(db.kysely, members[0]?.operation_id ?? '', {
    now: rows[0]?.started_at ?? '',
    failure: 'x',
  });
  await backend.cast('createGroupSnapshot', { members });
  assert.deepEqual(
    (
      await db.kysely
        .selectFrom('snapshots')
        .selectAll()
        .where('id', '=', members[1]?.snapshot_id ?? '')
        .execute()
    ).map(({ status }) => status),
    ['error'],
  );
  const stored = await volumes.drivers.get('memory')?.list();
  assert.deepEqual(
    stored?.flatMap(({ snapshotIds }) => snapshotIds),
    [],
  );
});
