// Actions past their deadline end with a sentence, and what a late agent then says changes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepRecord } from '#platform/saga/saga.ts';
import { saveStep } from '#platform/saga/sql-log.ts';
import { startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { finishAction, loadEntry } from '#compute/conductor/actions.ts';
import { failLaunch, finishLaunch, prepareLaunch } from '#compute/conductor/launch.ts';
import { recordStep } from '#compute/conductor/steps.ts';
import { writeVifs } from '#compute/conductor/store.ts';
import { migratePlacement } from '#placement/migrate.ts';
import type { Fault, InstanceActionRow } from '#compute/tables.ts';
import { expireActions } from '#compute/loops/expire-actions.ts';

const HOST = 'h1';

async function start(): Promise<ComputeHarness> {
  const config = { expiryGraceMs: 0, launchDeadlineMs: 0, actionDeadlineMs: 0 };
  const harness = await startComputeHarness({ config });
  await migratePlacement(harness.service.deps.db); // they share a database
  return harness;
}

async function actionOf(harness: ComputeHarness, name: string): Promise<InstanceActionRow> {
  return harness.kysely
    .selectFrom('instance_actions')
    .selectAll()
    .where('action', '=', name)
    .orderBy('started_at', 'desc')
    .executeTakeFirstOrThrow();
}

async function entryOf(harness: ComputeHarness, id: string) {
  return harness.kysely.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

async function expireNow(harness: ComputeHarness): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2)); // a deadline of this very millisecond is not over
  await expireActions(harness.service.deps);
}

async function reportHost(harness: ComputeHarness, lastSeen: string): Promise<void> {
  await harness.kysely
    .insertInto('compute_services')
    .values({
      id: crypto.randomUUID(),
      host: HOST,
      binary: 'nova-compute',
      disabled: 0,
      disabled_reason: null,
      forced_down: 0,
      last_seen_at: lastSeen,
      created_at: lastSeen,
      updated_at: null,
    })
    .execute();
}

const step = (action: InstanceActionRow, name: string): StepRecord => ({
  saga_id: action.id,
  attempt: 1,
  step: name,
  state: 'running',
  started_at: action.started_at,
  ended_at: null,
  deadline_at: action.deadline_at,
  actor: `compute.${HOST}`,
  waiting_for: 'a sign',
  evidence: {},
  output: null,
  error: null,
});

test('a launch that hangs ends in ERROR with where it hung, and its late agent cannot bring it back', async () => {
  await using harness = await start();
  const { deps } = harness.service;
  const id = await harness.create();
  const action = await actionOf(harness, 'create');
  await harness.kysely.updateTable('instances').set({ host: HOST }).where('id', '=', id).execute();
  await saveStep(harness.kysely, step(action, 'network.bind'));
  await expireNow(harness);
  const entry = await entryOf(harness, id);
  assert.equal(entry.vm_state, 'error');
  assert.equal(entry.task_state, null);
  const fault = JSON.parse(entry.fault_json ?? '{}') as Fault;
  assert.equal(
    fault.message,
    'The create did not end within its time: it hung in network.bind, waiting for a sign.',
  );
  assert.ok((await harness.outbox()).some((message) => message.method === 'cleanUpServer'));

  const message = { action_id: action.id, instance_id: id, attempt: 1, user_token: 't' };
  assert.equal((await prepareLaunch(deps, { ...message, host: HOST })).kind, 'stale');
  assert.deepEqual(await recordStep(deps, step(action, 'spawn')), { cancelled: true });
  await writeVifs(harness.kysely, id, [{ port_id: 'p' } as never]);
  await finishLaunch(deps, { ...message, power_state: 1 });
  await failLaunch(deps, {
    ...message,
    host: HOST,
    failed_step: 'spawn',
    code: 'x',
    message: 'late',
    details: '',
    retriable: true,
  });
  const { updated_at: _then, ...later } = await entryOf(harness, id);
  const { updated_at: _before, ...before } = entry;
  assert.deepEqual(later, before);
});

test('a stop whose agent never answers ends as it was, and its late end is not believed', async () => {
  await using harness = await start();
  const { deps } = harness.service;
  const id = await harness.create();
  await harness.activate(id, { host: HOST });
  await harness.at('2.93', 'POST', `/v2.1/servers/${id}/action`, { body: { 'os-stop': null } });
  const action = await actionOf(harness, 'stop');
  await expireNow(harness);
  const entry = await entryOf(harness, id);
  assert.deepEqual([entry.vm_state, entry.task_state], ['active', null]);
  assert.match(entry.fault_json ?? '', /The stop did not end within its time: it hung in a message/);
  assert.ok((await harness.outbox()).some((message) => message.method === 'callOffAction'));
  const ref = { action_id: action.id, instance_id: id };
  assert.equal((await loadEntry(deps, ref)).kind, 'stale');
  await finishAction(deps, { ...ref, vm_state: 'stopped', power_state: 4 });
  assert.equal((await entryOf(harness, id)).vm_state, 'active');
});

test('a delete ends here when its host is down', async () => {
  await using harness = await start();
  const id = await harness.create();
  await harness.activate(id, { host: HOST });
  await reportHost(harness, '2020-01-01T00:00:00.000Z');
  await harness.at('2.93', 'DELETE', `/v2.1/servers/${id}`);
  await expireNow(harness);
  assert.equal((await entryOf(harness, id)).deleted, 1);
  const ports = [...harness.network.ports.values()] as Array<{ device_id?: string }>;
  assert.ok(ports.length > 0 && ports.every((port) => port.device_id === ''), 'its port is free');
});

test('a delete that its living host does not end is ERROR, and may be asked for again', async () => {
  await using harness = await start();
  const id = await harness.create();
  await harness.activate(id, { host: HOST });
  await reportHost(harness, new Date().toISOString());
  await harness.at('2.93', 'DELETE', `/v2.1/servers/${id}`);
  await expireNow(harness);
  const entry = await entryOf(harness, id);
  assert.deepEqual([entry.vm_state, entry.task_state, entry.host], ['error', null, HOST]);
  const answer = await harness.at('2.93', 'DELETE', `/v2.1/servers/${id}`);
  assert.equal(answer.status, 204);
  const messages = (await harness.outbox()).filter((message) => message.method === 'deleteServer');
  assert.equal(messages.length, 2);
});
