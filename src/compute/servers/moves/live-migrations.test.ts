// Live migrations through the API and in the conductor: what is refused at which version, what is sent, and the books of
// placement and of migrations at every end that one can have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endSideAction,
  finishLiveMigration,
  prepareLiveMigration,
  reportMigration,
  switchHost,
} from '#compute/conductor/live-migrations.ts';
import { finishDelete } from '#compute/conductor/actions.ts';
import { failMove } from '#compute/conductor/moves.ts';
import { recordStep } from '#compute/conductor/steps.ts';
import { expireActions } from '#compute/loops/expire-actions.ts';
import type { MoveRef } from '#compute/rpc.ts';
import { updateMigration } from '#compute/server-migrations/store.ts';
import type { MigrationStatus } from '#compute/server-migrations/tables.ts';
import type { ComputeHarness } from '#test/support/compute-harness.ts';
import { act, held, migration, row, schedule, start } from './testing/moving-cloud.ts';

const AUTO = { host: null, block_migration: 'auto' };

const migrate = async (cloud: ComputeHarness, id: string, wanted: object = AUTO, version = '2.93') =>
  act(cloud, id, { 'os-migrateLive': wanted }, version, 'admin');

/** Its place in the queue has come unless `status` says otherwise. */
async function migrating(
  status: MigrationStatus = 'running',
): Promise<{ cloud: ComputeHarness; id: string; ref: MoveRef; path: string }> {
  const { cloud, id } = await start();
  const answer = await migrate(cloud, id);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const ref = await schedule(cloud, id);
  const { uuid, id: number } = await migration(cloud);
  await updateMigration(cloud.kysely, uuid, { status }, new Date().toISOString());
  await cloud.kysely.deleteFrom('outbox').execute();
  return { cloud, id, ref, path: `/v2.1/servers/${id}/migrations/${number}` };
}

const actions = async (cloud: ComputeHarness, id: string): Promise<unknown[]> =>
  (
    await cloud.kysely.selectFrom('instance_actions').selectAll().where('instance_id', '=', id).execute()
  ).flatMap(({ action, state }) => (action.startsWith('live') ? [[action, state]] : []));

test('a live migration asks the scheduler for another host, and the server migrates', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  assert.equal((await act(cloud, id, { 'os-migrateLive': AUTO }, '2.93')).status, 403, 'for administrators');
  assert.equal((await migrate(cloud, id, { host: 'host-2', block_migration: false })).status, 202);
  const [{ payload } = { payload: {} }] = await cloud.outbox();
  const { requested_host, exclude, next } = payload as {
    requested_host: string;
    exclude: string[];
    next: { on: string; method: string; args: { block_migration: boolean } };
  };
  assert.deepEqual([requested_host, exclude], ['host-2', ['host-1']]);
  assert.deepEqual([next.on, next.method, next.args.block_migration], ['host-1', 'liveMigrateServer', false]);
  const shown = await cloud.call('GET', `/v2.1/servers/${id}`);
  assert.deepEqual(
    [shown.body.server.status, shown.body.server['OS-EXT-STS:task_state']],
    ['MIGRATING', 'migrating'],
  );
  const { migration_type, status } = await migration(cloud);
  assert.deepEqual([migration_type, status], ['live-migration', 'accepted']);
  assert.equal((await migrate(cloud, id)).status, 409, 'it does already');
});

test('what could never be is refused', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  const cases: ReadonlyArray<readonly [object, number, RegExp, string?]> = [
    [{ ...AUTO, host: 'host-1' }, 400, /same host/],
    [{ ...AUTO, host: 'nowhere' }, 400, /could not be found/],
    [{ ...AUTO, host: 'a/b' }, 400, /host/],
    [{ host: null }, 400, /block_migration/],
    [{ block_migration: 'auto' }, 400, /host/],
    [{ ...AUTO, block_migration: 'perhaps' }, 400, /block_migration/],
    [{ ...AUTO, force: true }, 400, /force/],
    [{ ...AUTO, force: true }, 400, /non-provided destination/, '2.67'],
    [{ host: null, block_migration: true }, 400, /disk_over_commit/, '2.24'],
  ];
  for (const [wanted, status, words, version] of cases) {
    const answer = await migrate(cloud, id, wanted, version);
    assert.equal(answer.status, status, JSON.stringify(wanted));
    assert.match(JSON.stringify(answer.body), words);
  }
  for (const vm_state of ['stopped', 'suspended', 'rescued', 'resized', 'error'] as const) {
    await cloud.activate(id, { vm_state });
    assert.equal((await migrate(cloud, id)).status, 409, vm_state);
  }
  assert.equal((await migrate(cloud, crypto.randomUUID())).status, 404);
  assert.deepEqual(await cloud.outbox(), []);
  await cloud.activate(id, { vm_state: 'paused' });
  assert.equal((await migrate(cloud, id)).status, 202);
});

test('the switch writes where the server is, and the end frees what it held there', async () => {
  const { cloud, id, ref } = await migrating('queued');
  await using _ = cloud;
  const { deps } = cloud.service;
  const prepared = await prepareLiveMigration(deps, ref);
  assert.ok(prepared.kind === 'go' && !prepared.switched);
  assert.deepEqual([prepared.from.host, prepared.to.host], ['host-1', 'host-2']);
  assert.equal((await migration(cloud)).status, 'preparing');
  const step = {
    saga_id: ref.action_id, attempt: 1, step: 'guest.migrate', state: 'running', started_at: '2026-01-01T00:00:00Z', ended_at: null,
    deadline_at: '2999-01-01T00:00:00Z', actor: 'compute.host-1', waiting_for: null, evidence: {}, output: null, error: null,
  } as const; // prettier-ignore
  await recordStep(deps, step);
  const [memoryTotal, memoryProcessed, memoryRemaining] = [100, 60, 40];
  const disk = { diskTotal: 1, diskProcessed: 1, diskRemaining: 0 };
  await reportMigration(deps, {
    ...ref,
    progress: { memoryTotal, memoryProcessed, memoryRemaining, ...disk },
  });
  const { status, memory_remaining, disk_total } = await migration(cloud);
  assert.deepEqual([status, memory_remaining, disk_total], ['running', 40, 1]);
  for (const _ of [1, 2])
    assert.deepEqual(await switchHost(deps, { ...ref, volumes: [] }), { cancelled: false });
  assert.deepEqual([(await row(cloud, id)).host, (await row(cloud, id)).task_state], ['host-2', 'migrating']);
  assert.deepEqual(await held(cloud, id), ['move: source', 'server: destination']);
  const again = await prepareLiveMigration(deps, ref);
  assert.ok(again.kind === 'go' && again.switched);
  for (const _ of [1, 2]) await finishLiveMigration(deps, ref);
  const { host, vm_state, task_state } = await row(cloud, id);
  assert.deepEqual([host, vm_state, task_state], ['host-2', 'active', null]);
  assert.deepEqual(await held(cloud, id), ['server: destination']);
  assert.equal((await migration(cloud)).status, 'completed');
  assert.equal((await prepareLiveMigration(deps, ref)).kind, 'stale');
});

test('one that fails, or is called off, gives the server what it had', async () => {
  for (const [status, cancelled, ended] of [
    ['preparing', 0, 'error'],
    ['running', 0, 'failed'],
    ['running', 1, 'cancelled'],
  ] as const) {
    const { cloud, id, ref } = await migrating(status);
    await using _ = cloud;
    await cloud.kysely.updateTable('instance_actions').set({ cancelled }).execute();
    await failMove(cloud.service.deps, { ...ref, message: 'no', details: '', lost: false });
    const { host, vm_state, task_state } = await row(cloud, id);
    assert.deepEqual([host, vm_state, task_state], ['host-1', 'active', null]);
    assert.deepEqual(await held(cloud, id), ['server: source']);
    assert.equal((await migration(cloud)).status, ended);
  }
});

test('one that waits for its turn ends at once when it is aborted', async () => {
  const { cloud, id, ref, path } = await migrating('queued');
  await using _ = cloud;
  const abort = async (version: string) => cloud.at(version, 'DELETE', path, { token: 'admin' });
  assert.equal((await cloud.at('2.65', 'DELETE', path)).status, 403);
  assert.equal((await abort('2.64')).status, 400);
  assert.equal((await abort('2.65')).status, 202);
  const { host, vm_state, task_state } = await row(cloud, id);
  assert.deepEqual([host, vm_state, task_state], ['host-1', 'active', null]);
  assert.equal((await migration(cloud)).status, 'cancelled');
  assert.deepEqual(await held(cloud, id), ['server: source']);
  assert.deepEqual(await actions(cloud, id), [
    ['live-migration', 'failed'],
    ['live_migration_cancel', 'done'],
  ]);
  assert.equal(
    (await prepareLiveMigration(cloud.service.deps, ref)).kind,
    'stale',
    'its message comes later',
  );
  assert.equal((await abort('2.65')).status, 409);
});

test('one that runs is called off on its host, unless it is past the switch', async () => {
  const { cloud, ref, path } = await migrating();
  await using _ = cloud;
  const ask = async (what: 'abort' | 'force') =>
    what === 'abort'
      ? cloud.at('2.24', 'DELETE', path, { token: 'admin' })
      : cloud.at('2.22', 'POST', `${path}/action`, { body: { force_complete: null }, token: 'admin' });
  assert.equal((await ask('force')).status, 202);
  assert.equal((await ask('abort')).status, 202);
  assert.deepEqual(
    (await cloud.outbox()).map(({ queue, method }) => [queue, method]),
    [
      ['compute.host-1', 'forceCompleteMigration'],
      ['compute.host-1', 'callOffAction'],
    ],
  );
  const { deps } = cloud.service;
  // The guest was quicker.
  assert.deepEqual(await switchHost(deps, { ...ref, volumes: [] }), { cancelled: false });
  for (const what of ['abort', 'force'] as const) {
    const late = await ask(what);
    assert.equal(late.status, 400, what);
    assert.match(late.body.badRequest.message, /post-migrating/);
  }
  await finishLiveMigration(deps, ref);
  assert.equal((await migration(cloud)).status, 'completed');
});

test('forcing a migration is an action of its own', async () => {
  const { cloud, id, path } = await migrating();
  await using _ = cloud;
  const body = { force_complete: null };
  assert.equal((await cloud.at('2.22', 'POST', `${path}/action`, { body })).status, 403);
  await cloud.at('2.22', 'POST', `${path}/action`, { body, token: 'admin' });
  const action_id = String((await cloud.outbox())[0]?.payload['action_id']);
  await endSideAction(cloud.service.deps, { action_id, instance_id: id, reason: 'over' });
  assert.deepEqual(await actions(cloud, id), [
    ['live-migration', 'running'],
    ['live_migration_force_complete', 'failed'],
  ]);
  assert.equal((await row(cloud, id)).task_state, 'migrating');
});

test('a server that is deleted meanwhile is gone from both hosts', async () => {
  const { cloud, id, ref } = await migrating();
  await using _ = cloud;
  const { deps } = cloud.service;
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}`)).status, 204);
  assert.deepEqual(await switchHost(deps, { ...ref, volumes: [] }), { cancelled: true });
  await failMove(deps, { ...ref, message: 'no', details: '', lost: false });
  const message = (await cloud.outbox()).find(({ method }) => method === 'deleteServer');
  assert.equal(message?.queue, 'compute.host-1');
  await finishDelete(deps, { action_id: String(message?.payload['action_id']), instance_id: id });
  assert.deepEqual(await held(cloud, id), []);
  assert.equal((await migration(cloud)).status, 'cancelled');
});

test('one that is late is called off once; one that waits ends, and one past the switch is over', async () => {
  for (const [status, ended, host] of [
    ['running', 'running', 'host-1'],
    ['queued', 'error', 'host-1'],
    ['post-migrating', 'completed', 'host-2'],
  ] as const) {
    const { cloud, id, ref } = await migrating(status);
    await using _ = cloud;
    const { deps } = cloud.service;
    const at = new Date().toISOString();
    const service = { id: crypto.randomUUID(), host: 'host-1', binary: 'nova-compute', disabled: 0, disabled_reason: null, forced_down: 0, last_seen_at: at, created_at: at, updated_at: null }; // prettier-ignore
    await cloud.kysely.insertInto('compute_services').values(service).execute();
    if (status === 'post-migrating') await switchHost(deps, { ...ref, volumes: [] });
    await cloud.kysely
      .updateTable('instance_actions')
      .set({ deadline_at: '2001-01-01T00:00:00.000Z' })
      .where('action', '=', 'live-migration')
      .execute();
    for (const _ of [1, 2]) await expireActions(deps);
    assert.equal((await migration(cloud)).status, ended, status);
    const server = await row(cloud, id);
    assert.deepEqual([server.host, server.vm_state], [host, 'active']);
    assert.equal(server.task_state, status === 'running' ? 'migrating' : null);
    const sent = (await cloud.outbox()).map(({ method }) => method);
    const wanted = { running: ['callOffAction'], queued: [], 'post-migrating': ['dropMoved'] };
    assert.deepEqual(sent, wanted[status]);
  }
});

test('before 2.34 the answer tells what the checks have found', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  const old = { host: null, block_migration: false, disk_over_commit: false };
  const asked = migrate(cloud, id, old, '2.1');
  const { deps } = cloud.service;
  const ref = await schedule(cloud, id, async () => (await cloud.outbox()).length > 0);
  const failed = {
    saga_id: ref.action_id, attempt: 1, step: 'prepare', state: 'failed', started_at: '2026-01-01T00:00:00Z', ended_at: '2026-01-01T00:00:00Z',
    deadline_at: '2999-01-01T00:00:00Z', actor: 'compute.host-1', waiting_for: null, evidence: {}, output: null, error: 'not shared',
  } as const; // prettier-ignore
  await recordStep(deps, failed);
  await failMove(deps, { ...ref, message: 'Failed at prepare: not shared', details: '', lost: false });
  const answer = await asked;
  assert.equal(answer.status, 400, JSON.stringify(answer.body));
  assert.match(answer.body.badRequest.message, /not shared/);
});
