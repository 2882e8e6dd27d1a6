// Resizes and migrations through the API: what is refused, what is sent, and the books of placement and of migrations at
// every end that a move can have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failMove, failRevert, finishMove, finishRevert, prepareMove } from '#compute/conductor/moves.ts';
import { finishDelete } from '#compute/conductor/actions.ts';
import { confirmResizes } from '#compute/loops/confirm-resizes.ts';
import { expireActions } from '#compute/loops/expire-actions.ts';
import type { MoveRef } from '#compute/rpc.ts';
import { updateMigration } from '#compute/server-migrations/store.ts';
import { FLAVOR, type ComputeHarness } from '#test/support/compute-harness.ts';
import { act, held, LARGE, migration, row, schedule, start } from './testing/moving-cloud.ts';

/** A server in VERIFY_RESIZE on host-2. */
async function resized(config = {}): Promise<{ cloud: ComputeHarness; id: string; ref: MoveRef }> {
  const { cloud, id } = await start(config);
  assert.equal((await act(cloud, id, { resize: { flavorRef: LARGE } })).status, 202);
  const ref = await schedule(cloud, id);
  const { deps } = cloud.service;
  assert.equal((await prepareMove(deps, { ...ref, attempt: 1 })).kind, 'go');
  for (const _ of [1, 2])
    assert.deepEqual(await finishMove(deps, { ...ref, power_state: 1 }), { cancelled: false });
  return { cloud, id, ref };
}

test('a resize asks the scheduler for a host, with the new flavor in the migration', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  const answer = await act(cloud, id, { resize: { flavorRef: LARGE, 'OS-DCF:diskConfig': 'AUTO' } });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const [message] = await cloud.outbox();
  assert.equal(message?.queue, 'scheduler');
  assert.deepEqual(message?.payload['exclude'], []);
  const shown = await cloud.call('GET', `/v2.1/servers/${id}`);
  assert.deepEqual(
    [shown.body.server.status, shown.body.server['OS-EXT-STS:task_state']],
    ['RESIZE', 'resize_prep'],
  );
  const { new_flavor_json, migration_type, status, disk_config } = await migration(cloud);
  assert.deepEqual(
    [(JSON.parse(new_flavor_json) as { id: string }).id, migration_type, status, disk_config],
    [LARGE, 'resize', 'pre-migrating', 'AUTO'],
  );
  assert.equal((await act(cloud, id, { resize: { flavorRef: LARGE } })).status, 409);
});

test('a resize that could not be is refused at once', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  const cases: ReadonlyArray<readonly [unknown, number, RegExp]> = [
    [{ flavorRef: FLAVOR }, 400, /must change flavor/],
    [{ flavorRef: 'nothing' }, 400, /could not be found/],
    [{ flavorRef: 'zero' }, 400, /zero disk/],
    [{}, 400, /flavorRef/],
    [{ flavorRef: '' }, 400, /flavorRef/],
    [{ flavorRef: null }, 400, /flavorRef/],
    [{ flavorRef: LARGE, adminPass: 'x' }, 400, /adminPass/],
    [{ flavorRef: LARGE, 'OS-DCF:diskConfig': 'auto' }, 400, /diskConfig/],
  ];
  for (const [resize, status, words] of cases) {
    const answer = await act(cloud, id, { resize });
    assert.equal(answer.status, status, JSON.stringify(resize));
    assert.match(JSON.stringify(answer.body), words);
  }
  assert.equal((await act(cloud, id, { resize: { flavorRef: LARGE } }, '2.1', 'reader')).status, 403);
  assert.equal((await act(cloud, crypto.randomUUID(), { resize: { flavorRef: LARGE } })).status, 404);
  await cloud.activate(id, { vm_state: 'paused' });
  assert.equal((await act(cloud, id, { resize: { flavorRef: LARGE } })).status, 409);
  await cloud.activate(id, { vm_state: 'active' });
  await act(cloud, id, { lock: null });
  assert.equal((await act(cloud, id, { resize: { flavorRef: LARGE } })).status, 409);
  assert.deepEqual(await cloud.outbox(), []);
});

test('the quota is asked for the difference, and for what moves under way will need', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  const other = await cloud.create();
  await cloud.activate(other);
  const { vcpus } = await cloud.kysely
    .selectFrom('flavors')
    .select('vcpus')
    .where('flavor_id', '=', FLAVOR)
    .executeTakeFirstOrThrow();
  const limit = { scope: 'class:default', resource: 'cores', hard_limit: 3 * vcpus };
  await cloud.kysely.insertInto('quota_limits').values(limit).execute();
  assert.equal((await act(cloud, id, { resize: { flavorRef: LARGE } })).status, 202);
  const refused = await act(cloud, other, { resize: { flavorRef: LARGE } });
  assert.equal(refused.status, 403, JSON.stringify(refused.body));
  assert.match(refused.body.forbidden.message, /Quota exceeded for cores/);
});

test('a migration is for administrators, never goes to its own host, and may name another from 2.56 on', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  assert.equal((await act(cloud, id, { migrate: null })).status, 403);
  const migrate = async (value: unknown, version = '2.56') =>
    act(cloud, id, { migrate: value }, version, 'admin');
  assert.equal((await migrate({ host: 'host-1' })).status, 400);
  assert.equal((await migrate({ host: 'nowhere' })).status, 400);
  assert.equal((await migrate({ host: 'a/b' })).status, 400);
  assert.equal((await migrate({ host: 'host-2', force: true })).status, 400);
  assert.equal((await migrate({ host: 'host-2' })).status, 202);
  const [message] = await cloud.outbox();
  assert.deepEqual([message?.payload['requested_host'], message?.payload['exclude']], ['host-2', ['host-1']]);
  assert.equal((await migration(cloud)).migration_type, 'migration');
});

test('before 2.56 what stands beside migrate means nothing', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  assert.equal((await act(cloud, id, { migrate: { host: 'host-2' } }, '2.55', 'admin')).status, 202);
  assert.equal((await cloud.outbox())[0]?.payload['requested_host'], null);
});

test('a cloud may keep resizes from staying on their host', async () => {
  const { cloud, id } = await start({ config: { allowResizeToSameHost: false } });
  await using _ = cloud;
  await act(cloud, id, { resize: { flavorRef: LARGE } });
  assert.deepEqual((await cloud.outbox())[0]?.payload['exclude'], ['host-1']);
});

test('the record of a resize is read as that of a launch is', async () => {
  const { cloud, id } = await resized();
  await using _ = cloud;
  const trace = async (action: string) =>
    cloud.call('GET', `/v2.1/servers/${id}/launch-trace?action=${action}`);
  const { body } = await trace('resize');
  const { launch_trace } = body;
  assert.deepEqual([launch_trace.action, launch_trace.state], ['resize', 'done']);
  assert.ok((launch_trace.hops as Array<{ hop: string }>).some(({ hop }) => hop === 'request'));
  assert.equal((await trace(launch_trace.request_id as string)).body.launch_trace.action, 'resize');
  assert.equal((await trace('migrate')).status, 404);
});

test('confirming frees what the move held and has the old host clean up', async () => {
  const { cloud, id } = await resized();
  await using _ = cloud;
  const before = await cloud.call('GET', `/v2.1/servers/${id}`);
  assert.equal(before.body.server.status, 'VERIFY_RESIZE');
  assert.equal((await row(cloud, id)).host, 'host-2');
  assert.deepEqual(await held(cloud, id), ['move: source', 'server: destination']);
  assert.equal((await act(cloud, id, { confirmResize: {} })).status, 204);
  const after = await cloud.call('GET', `/v2.1/servers/${id}`);
  assert.deepEqual([after.body.server.status, after.body.server.flavor.id], ['ACTIVE', LARGE]);
  assert.deepEqual(await held(cloud, id), ['server: destination']);
  assert.equal((await migration(cloud)).status, 'confirmed');
  const dropped = (await cloud.outbox()).filter(({ method }) => method === 'dropMoved');
  assert.deepEqual(
    dropped.map(({ queue }) => queue),
    ['compute.host-1'],
  );
  for (const key of ['confirmResize', 'revertResize'])
    assert.equal((await act(cloud, id, { [key]: null })).status, 409);
});

test('a resize that nobody confirms is confirmed after the window, and by default never', async () => {
  const { cloud, id } = await resized({ config: { resizeConfirmWindowMs: 60_000 } });
  await using _ = cloud;
  const { deps } = cloud.service;
  await confirmResizes(deps);
  assert.equal((await row(cloud, id)).vm_state, 'resized');
  const later = { ...deps, clock: { ...deps.clock, now: () => Date.now() + 61_000 } };
  await confirmResizes({ ...later, config: { ...deps.config, resizeConfirmWindowMs: 0 } });
  assert.equal((await row(cloud, id)).vm_state, 'resized');
  await cloud.kysely.updateTable('instances').set({ power_state: 4 }).execute(); // powered off by itself
  for (const _ of [1, 2]) await confirmResizes(later);
  assert.deepEqual(
    [(await row(cloud, id)).vm_state, (await migration(cloud)).status],
    ['stopped', 'confirmed'],
  );
  const actions = await cloud.at('2.21', 'GET', `/v2.1/servers/${id}/os-instance-actions`);
  assert.deepEqual(
    (actions.body.instanceActions as Array<{ action: string }>).map(({ action }) => action).slice(0, 2),
    ['confirmResize', 'resize'],
  );
});

test('a server whose move is gone has not been resized', async () => {
  const { cloud, id, ref } = await resized();
  await using _ = cloud;
  await updateMigration(cloud.kysely, ref.migration_uuid, { status: 'error' }, new Date().toISOString());
  for (const key of ['confirmResize', 'revertResize']) {
    const answer = await act(cloud, id, { [key]: null });
    assert.equal(answer.status, 400);
    assert.match(answer.body.badRequest.message, /has not been resized/);
  }
});

test('taking back gives the server what it had', async () => {
  const { cloud, id, ref } = await resized();
  await using _ = cloud;
  assert.equal((await act(cloud, id, { revertResize: null })).status, 202);
  const shown = await cloud.call('GET', `/v2.1/servers/${id}`);
  assert.equal(shown.body.server.status, 'REVERT_RESIZE');
  assert.equal((await migration(cloud)).status, 'reverting');
  const message = (await cloud.outbox()).find(({ method }) => method === 'revertMove');
  assert.equal(message?.queue, 'compute.host-2');
  const revert = { ...ref, action_id: String(message?.payload['action_id']) };
  await finishRevert(cloud.service.deps, { ...revert, power_state: 1 });
  const { host, vm_state, task_state, flavor_id } = await row(cloud, id);
  assert.deepEqual([host, vm_state, task_state, flavor_id], ['host-1', 'active', null, FLAVOR]);
  assert.deepEqual(await held(cloud, id), ['server: source']);
  assert.equal((await migration(cloud)).status, 'reverted');
});

test('swap comes, changes and goes with the flavor', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  const swaps = async () =>
    (await cloud.kysely.selectFrom('block_devices').selectAll().where('instance_id', '=', id).execute()).map(
      ({ guest_format, volume_size, device_name }) => [guest_format, volume_size, device_name],
    );
  const { deps } = cloud.service;
  const resize = async (swap: number): Promise<MoveRef> => {
    await cloud.kysely.updateTable('flavors').set({ swap }).where('flavor_id', '=', LARGE).execute();
    await cloud.kysely.deleteFrom('outbox').execute();
    assert.equal((await act(cloud, id, { resize: { flavorRef: LARGE } })).status, 202);
    const ref = await schedule(cloud, id);
    await finishMove(deps, { ...ref, power_state: 1 });
    return ref;
  };
  const revert = async (ref: MoveRef): Promise<void> => {
    await act(cloud, id, { revertResize: null });
    const message = (await cloud.outbox()).find(({ method }) => method === 'revertMove');
    await finishRevert(deps, { ...ref, action_id: String(message?.payload['action_id']), power_state: 1 });
  };
  const ref = await resize(64);
  assert.deepEqual(await swaps(), [['swap', 64, '/dev/vdb']]);
  await revert(ref);
  assert.deepEqual(await swaps(), []);
  await resize(128);
  assert.deepEqual(await swaps(), [['swap', 128, '/dev/vdb']]);
});

test('of two resizes at once one is taken', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  const answers = await Promise.all(
    [1, 2, 3].map(async () => act(cloud, id, { resize: { flavorRef: LARGE } })),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [202, 409, 409]);
  assert.equal((await cloud.kysely.selectFrom('migrations').select('id').execute()).length, 1);
});

test('a revert that fails leaves the move to be confirmed or taken back', async () => {
  const { cloud, id, ref } = await resized();
  await using _ = cloud;
  await act(cloud, id, { revertResize: null });
  const message = (await cloud.outbox()).find(({ method }) => method === 'revertMove');
  const revert = { ...ref, action_id: String(message?.payload['action_id']) };
  await failRevert(cloud.service.deps, { ...revert, message: 'no', details: '', lost: false });
  assert.deepEqual(
    [(await row(cloud, id)).vm_state, (await migration(cloud)).status],
    ['resized', 'finished'],
  );
  assert.deepEqual(await held(cloud, id), ['move: source', 'server: destination']);
  assert.equal((await act(cloud, id, { confirmResize: null })).status, 204);
});

test('a move that failed leaves the server what it held, and says why', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  await act(cloud, id, { resize: { flavorRef: LARGE } });
  const ref = await schedule(cloud, id);
  for (const _ of [1, 2])
    await failMove(cloud.service.deps, { ...ref, message: 'Failed at spawn', details: 'x', lost: false });
  const { vm_state, task_state, host, flavor_id, fault_json } = await row(cloud, id);
  assert.deepEqual([vm_state, task_state, host, flavor_id], ['active', null, 'host-1', FLAVOR]);
  assert.match(fault_json ?? '', /Failed at spawn/);
  assert.deepEqual(await held(cloud, id), ['server: source']);
  assert.equal((await migration(cloud)).status, 'error');
});

const tryIn = (ref: MoveRef, attempt: number, requested_host: string | null = null) => ({
  ...ref,
  message: 'Failed at spawn',
  details: 'x',
  lost: false,
  retry: {
    tried: { attempt, exclude: ['host-1'], requested_host },
    next: { on: 'host-1', method: 'moveServer' as const, args: { ...ref } },
  },
});

const choices = async (cloud: ComputeHarness) =>
  (await cloud.outbox()).filter(({ method }) => method === 'selectDestination').map((each) => each.payload);

test('a move that fails at its destination is tried on another host, with the claim of the first given back', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  await act(cloud, id, { resize: { flavorRef: LARGE } });
  const ref = await schedule(cloud, id);
  const { deps } = cloud.service;
  for (const _ of [1, 2]) await failMove(deps, tryIn(ref, 1));
  const [, second, ...more] = await choices(cloud);
  assert.deepEqual(
    [second?.['attempt'], second?.['exclude'], second?.['migration_uuid'], more],
    [2, ['host-1', 'host-2'], ref.migration_uuid, []],
  );
  assert.deepEqual(await held(cloud, id), ['server: source']);
  const { status, dest_compute } = await migration(cloud);
  assert.deepEqual([status, dest_compute], ['pre-migrating', null]);
  const { vm_state, task_state, fault_json } = await row(cloud, id);
  assert.deepEqual([vm_state, task_state, fault_json], ['active', 'resize_prep', null]);
  assert.deepEqual(await prepareMove(deps, { ...ref, attempt: 1 }), { kind: 'stale' });
  assert.equal((await prepareMove(deps, { ...ref, attempt: 2 })).kind, 'go');
});

test('a move is tried three times, never elsewhere than its request names, and not when it is late or called off', async () => {
  const last: ReadonlyArray<readonly [number, string | null, Record<string, unknown>]> = [
    [3, null, {}],
    [1, 'host-2', {}],
    [1, null, { deadline_at: '2020-01-01T00:00:00.000Z' }],
    [1, null, { cancelled: 1 }],
  ];
  for (const [attempt, requested, so] of last) {
    const { cloud, id } = await start();
    await using _ = cloud;
    await act(cloud, id, { resize: { flavorRef: LARGE } });
    const ref = await schedule(cloud, id);
    const action = { ...so, attempt };
    await cloud.kysely.updateTable('instance_actions').set(action).where('id', '=', ref.action_id).execute();
    await failMove(cloud.service.deps, tryIn(ref, attempt, requested));
    assert.equal((await choices(cloud)).length, 1);
    assert.deepEqual(await held(cloud, id), ['server: source']);
    assert.deepEqual([(await row(cloud, id)).task_state, (await migration(cloud)).status], [null, 'error']);
  }
});

test('a server that is deleted meanwhile is not moved, and nothing is held afterwards', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  await act(cloud, id, { resize: { flavorRef: LARGE } });
  const ref = await schedule(cloud, id);
  await cloud.call('DELETE', `/v2.1/servers/${id}`);
  const { deps } = cloud.service;
  assert.deepEqual(await prepareMove(deps, { ...ref, attempt: 1 }), { kind: 'cancelled' });
  assert.deepEqual(await finishMove(deps, { ...ref, power_state: 1 }), { cancelled: true });
  assert.equal((await row(cloud, id)).task_state, 'deleting');
  await finishDelete(deps, { action_id: 'delete', instance_id: id });
  assert.deepEqual(await held(cloud, id), []);
  assert.equal((await migration(cloud)).status, 'error');
});

test('deleting a resized server gives up what both hosts have', async () => {
  const { cloud, id } = await resized();
  await using _ = cloud;
  await cloud.call('DELETE', `/v2.1/servers/${id}`);
  await finishDelete(cloud.service.deps, { action_id: 'delete', instance_id: id });
  assert.deepEqual(await held(cloud, id), []);
  assert.equal((await migration(cloud)).status, 'confirmed');
  const dropped = (await cloud.outbox()).filter(({ method }) => method === 'dropMoved');
  assert.deepEqual(dropped.map(({ queue }) => queue).toSorted(), ['compute.host-1', 'compute.host-2']);
});

test('a move whose host does not answer ends with its deadline, in ERROR, with what it held', async () => {
  const { cloud, id } = await start();
  await using _ = cloud;
  await act(cloud, id, { resize: { flavorRef: LARGE } });
  await schedule(cloud, id);
  await cloud.kysely
    .updateTable('instance_actions')
    .set({ deadline_at: '2001-01-01T00:00:00.000Z' })
    .execute();
  await expireActions(cloud.service.deps);
  const { vm_state, task_state, fault_json } = await row(cloud, id);
  assert.deepEqual([vm_state, task_state], ['error', null]);
  assert.match(fault_json ?? '', /The resize did not end within its time/);
  assert.deepEqual(await held(cloud, id), ['server: source']);
  assert.equal((await migration(cloud)).status, 'error');
});

test('setting the state by hand gives up a move that waits', async () => {
  const { cloud, id } = await resized();
  await using _ = cloud;
  assert.equal((await act(cloud, id, { 'os-resetState': { state: 'active' } }, '2.1', 'admin')).status, 202);
  assert.deepEqual(await held(cloud, id), ['server: destination']);
  assert.equal((await act(cloud, id, { resize: { flavorRef: FLAVOR } })).status, 202);
});

test('the list of migrations shows, filters and pages', async () => {
  const { cloud, id, ref } = await resized();
  await using _ = cloud;
  await act(cloud, id, { confirmResize: null });
  await act(cloud, id, { migrate: null }, '2.1', 'admin');
  const list = async (query = '', version = '2.80') => {
    const answer = await cloud.at(version, 'GET', `/v2.1/os-migrations${query}`, { token: 'admin' });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.migrations as Array<Record<string, unknown>>;
  };
  const all = await list();
  assert.deepEqual(
    all.map((each) => [each['id'], each['migration_type'], each['status'], each['instance_uuid']]),
    [
      [2, 'migration', 'pre-migrating', id],
      [1, 'resize', 'confirmed', id],
    ],
  );
  const first = all[1] ?? {};
  assert.deepEqual(
    [first['uuid'], first['new_instance_type_id'], first['dest_host']],
    [ref.migration_uuid, 50, '127.0.0.1'],
  );
  assert.ok('project_id' in first && !('project_id' in ((await list('', '2.79'))[0] ?? {})));
  assert.ok(!('uuid' in ((await list('', '2.58'))[0] ?? {})));
  assert.ok(!('migration_type' in ((await list('', '2.22'))[0] ?? {})));
  for (const [query, ids] of [
    ['?status=confirmed', [1]],
    ['?host=host-2', [2, 1]],
    ['?source_compute=host-1', [1]],
    ['?migration_type=migration', [2]],
    [`?instance_uuid=${crypto.randomUUID()}`, []],
    ['?limit=1', [2]],
    ['?changes-before=2001-01-01T00:00:00Z', []],
    ['?user_id=nobody', []],
  ] as const)
    assert.deepEqual(
      (await list(query)).map((each) => each['id']),
      ids,
      query,
    );
  const marker = String(all[0]?.['uuid']);
  assert.deepEqual(
    (await list(`?limit=1&marker=${marker}`)).map((each) => each['id']),
    [1],
  );
  assert.equal((await cloud.at('2.80', 'GET', '/v2.1/os-migrations')).status, 403);
});
