// `evacuate` through the API: who may, of which hosts, at which versions, and what the scheduler is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { finishEvacuated, finishEvacuation, listEvacuated } from '#compute/conductor/evacuate.ts';
import { updateMigration } from '#compute/server-migrations/store.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { migratePlacement } from '#placement/migrate.ts';

const act = async (cloud: ComputeHarness, id: string, evacuate: unknown, version = '2.14', token = 'admin') =>
  cloud.at(version, 'POST', `/v2.1/servers/${id}/action`, { body: { evacuate }, token });

/** `host-1` is down, `host-2` is up. */
async function start(): Promise<ComputeHarness> {
  const cloud = await startComputeHarness();
  const now = new Date().toISOString();
  for (const [host, last_seen_at] of [
    ['host-1', '2020-01-01T00:00:00.000Z'],
    ['host-2', now],
  ] as const)
    await cloud.kysely
      .insertInto('compute_services')
      .values({
        id: crypto.randomUUID(), host, binary: 'nova-compute', disabled: 0, disabled_reason: null, forced_down: 0,
        last_seen_at, created_at: now, updated_at: null,
      })
      .execute(); // prettier-ignore
  return cloud;
}

async function server(cloud: ComputeHarness, changes: Partial<InstanceRow> = {}): Promise<string> {
  const id = await cloud.create();
  await cloud.activate(id, changes);
  return id;
}

test('a server of a host that is down goes to the scheduler with a migration of its own', async () => {
  await using cloud = await start();
  await migratePlacement(cloud.service.deps.db);
  const id = await server(cloud);
  const answer = await act(cloud, id, {});
  assert.deepEqual([answer.status, answer.body], [200, undefined]);
  const { method, payload } = (await cloud.outbox()).at(-1)!; // stored with the action
  assert.deepEqual(
    [method, payload['exclude'], payload['requested_host']],
    ['selectDestination', ['host-1'], null],
  );
  const migration = await cloud.kysely.selectFrom('migrations').selectAll().executeTakeFirstOrThrow();
  assert.deepEqual(
    [migration.migration_type, migration.status, migration.source_compute, migration.uuid],
    ['evacuation', 'accepted', 'host-1', payload['migration_uuid']],
  );
  assert.equal((await cloud.call('GET', `/v2.1/servers/${id}`)).body.server.status, 'REBUILD');
  assert.equal((await act(cloud, id, {})).status, 409, 'it is under way');
  const { deps } = cloud.service;
  const chosen = { dest_compute: 'host-2', dest_node: 'host-2', dest_zone: 'nova' };
  await updateMigration(cloud.kysely, migration.uuid, chosen, '');
  const ref = { action_id: String(payload['action_id']), instance_id: id, migration_uuid: migration.uuid };
  const done = { ...ref, vm_state: 'active', power_state: 1 } as const;
  for (let i = 0; i < 2; i++) assert.deepEqual(await finishEvacuation(deps, done), { cancelled: false });
  const shown = (await cloud.call('GET', `/v2.1/servers/${id}`, { token: 'admin' })).body.server;
  assert.deepEqual([shown.status, shown['OS-EXT-SRV-ATTR:host']], ['ACTIVE', 'host-2']);
  assert.equal((await listEvacuated(cloud.kysely, { host: 'host-1' })).length, 1);
  await finishEvacuated(deps, migration.uuid ? { migration_uuid: migration.uuid } : ref);
  assert.deepEqual(await listEvacuated(cloud.kysely, { host: 'host-1' }), []);
});

test('what each version takes and answers', async () => {
  await using cloud = await start();
  const old = await act(cloud, await server(cloud), { onSharedStorage: false }, '2.13');
  assert.match(old.body.adminPass, /^\w{12}$/);
  const given = await act(cloud, await server(cloud), { onSharedStorage: 'False', adminPass: 'x' }, '2.13');
  assert.deepEqual(given.body, { adminPass: 'x' });
  const id = await server(cloud);
  for (const [version, body, status] of [
    ['2.13', {}, 400],
    ['2.13', { onSharedStorage: true, adminPass: 'x' }, 400],
    ['2.14', { onSharedStorage: true }, 400],
    ['2.28', { host: 'host-2', force: true }, 400],
    ['2.29', { force: true }, 400],
    ['2.68', { host: 'host-2', force: true }, 400],
    ['2.14', { host: 'nowhere' }, 404],
    ['2.14', { host: '../etc' }, 400],
    ['2.14', { host: 'host-1' }, 400],
    ['2.14', null, 400],
  ] as const)
    assert.equal((await act(cloud, id, body, version)).status, status, `${version} ${JSON.stringify(body)}`);
  assert.equal((await act(cloud, id, { host: 'host-2', force: true }, '2.29')).status, 200);
  const { payload } = (await cloud.outbox()).at(-1)!; // stored with the action
  assert.equal(payload['requested_host'], 'host-2');
});

test('a host that is up, states that do not fit, and members are refused', async () => {
  await using cloud = await start();
  const id = await server(cloud);
  assert.equal((await act(cloud, id, {}, '2.14', 'member')).status, 403);
  assert.equal((await act(cloud, 'nope', {})).status, 404);
  for (const vm_state of ['paused', 'rescued', 'shelved'] as const)
    assert.equal((await act(cloud, await server(cloud, { vm_state }), {})).status, 409, vm_state);
  const up = await server(cloud, { host: 'host-2', node: 'host-2' });
  const refused = await act(cloud, up, {});
  assert.deepEqual(
    [refused.status, refused.body.badRequest.message],
    [400, 'Compute service of host-2 is still in use.'],
  );
  await cloud.kysely
    .updateTable('compute_services')
    .set({ forced_down: 1 })
    .where('host', '=', 'host-2')
    .execute();
  const busy = await server(cloud, { host: 'host-2', node: 'host-2', task_state: 'powering-off' });
  assert.equal((await act(cloud, busy, {})).status, 200, 'what hangs there is called off');
});
