// The import saga by itself: it fails at each step, repeats each, and dies at each line of its log; and the runner goes on
// with what a killed process left.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { until } from '#test/support/until.ts';
import type { ImportMethod } from '../config.ts';
import type { ImageTaskRow } from '../tables.ts';
import type { ImportInput, ImportPlan } from './plan.ts';
import { importSaga, type ImportOutputs } from './saga.ts';

const STORES = [
  { id: 'file', kind: 'file', default: true },
  { id: 'cold', kind: 'file' },
  { id: 'third', kind: 'file' },
];
const TARGETS: Readonly<Record<'glance-direct' | 'copy-image', readonly string[]>> = {
  'glance-direct': ['file', 'cold'],
  'copy-image': ['cold', 'third'],
};
type Tried = keyof typeof TARGETS;

/** Those whose trial nobody closes. */
const open = new Set<ImageHarness>();
after(async () => {
  for (const images of open) await images[Symbol.asyncDispose]();
});

/** An image with an import begun, whose task nobody runs: it is not in the table of tasks. */
async function begun(images: ImageHarness, method: Tried): Promise<ImportInput> {
  const { db, staging } = images.service.deps;
  const body = { disk_format: 'raw', container_format: 'bare' };
  const { id } = (await images.call('POST', '/v2/images', { body })).body;
  const staged = method === 'copy-image' ? null : randomUUID();
  const taskId = randomUUID();
  const set: Record<string, string> = { import_task: taskId };
  if (staged === null) await images.call('PUT', `/v2/images/${id}/file`, { raw: 'copied' });
  else {
    const named = { status: 'importing', upload_id: staged } as const; // before the data is there, for the sweep
    await db.kysely.updateTable('images').set(named).where('id', '=', id).execute();
    const data = await staging.put(Readable.from([Buffer.from('staged')]), {
      name: staged,
      maxBytes: 100,
      idleMs: 1000,
    });
    set['staged_json'] = JSON.stringify(data);
  }
  await db.kysely.updateTable('images').set(set).where('id', '=', id).execute();
  const targets = TARGETS[method].map((store) => ({ store, name: randomUUID() }));
  return {
    taskId,
    imageId: id,
    plan: { method: method satisfies ImportMethod, staged, targets, mustSucceed: true },
  };
}

async function trial(method: Tried): Promise<SagaTrial<ImportInput, ImportOutputs>> {
  const images = await startImages({ stores: STORES });
  open.add(images);
  const { deps } = images.service;
  const input = await begun(images, method);
  const locations = async () => deps.db.kysely.selectFrom('image_locations').selectAll().execute();
  const image = async () => deps.db.kysely.selectFrom('images').selectAll().executeTakeFirstOrThrow();
  const own = (name: string): boolean => input.plan.targets.some((target) => target.name === name);
  return {
    saga: importSaga(deps),
    input,
    leftovers: async () => [
      ...(await deps.staging.list()).map((name) => `staged ${name}`),
      ...(await locations()).filter(({ name }) => own(name)).map(({ store }) => `location in ${store}`),
      ...(
        await Promise.all(
          deps.stores.all.map(async ({ id, store }) => (await store.list()).map((name) => ({ id, name }))),
        )
      )
        .flat()
        .filter(({ name }) => own(name))
        .map(({ id }) => `data in ${id}`),
      ...(method === 'glance-direct' && (await image()).size !== null ? ['a size'] : []),
    ],
    assertDone: async () => {
      assert.equal((await image()).status, 'active');
      assert.equal((await image()).size, 6);
      const ready = (await locations()).filter(({ state }) => state === 'ready').map(({ store }) => store);
      for (const { store } of input.plan.targets) assert.ok(ready.includes(store), store);
      const file = await images.call('GET', `/v2/images/${input.imageId}/file`);
      assert.equal(String(file.body), method === 'copy-image' ? 'copied' : 'staged');
    },
    close: async () => {
      open.delete(images);
      await images[Symbol.asyncDispose]();
    },
  };
}

for (const method of ['glance-direct', 'copy-image'] as const) {
  describe(`the saga of ${method}`, () => {
    const make = async () => trial(method);
    test('unwinds from each step', async () => assertUnwindsFromEachStep(make));
    test('takes each step twice', async () => assertStepsRepeat(make));
    test('survives death at each write', async () => assertSurvivesDeathAtEachWrite(make));
    test('survives death on the way back', async () =>
      assertSurvivesDeathAtEachWrite(make, { failAt: 'import.activate' }));
  });
}

test('goes on with the imports of a process that was killed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pileus-import-'));
  try {
    let id: string;
    {
      await using first = await startImages({ stores: STORES }, { dir });
      const input = await begun(first, 'glance-direct');
      id = input.imageId;
      // As it is after kill -9 in the middle of writing to a store: leased, the location recorded, half of the file there.
      const target = input.plan.targets[0]!; // two of them
      const now = new Date().toISOString();
      const location = {
        image_id: id,
        store: target.store,
        name: target.name,
        state: 'writing',
        created_at: now,
      } as const;
      await first.service.deps.db.kysely.insertInto('image_locations').values(location).execute();
      await writeFile(join(dir, 'store', `${target.name}.part`), 'ha');
      const lease = new Date(Date.now() + 60_000).toISOString();
      await first.service.deps.db.kysely
        .insertInto('image_tasks')
        .values({ ...taskRow(input.taskId, id, input.plan, now), lease, status: 'processing' })
        .execute();
    }
    await using second = await startImages({ stores: STORES }, { dir });
    const show = async () => (await second.call('GET', `/v2/images/${id}`)).body;
    await until(async () => (await show()).status === 'active', { deadlineMs: 30_000, what: 'the import' });
    await until(async () => (await show()).os_glance_import_task === undefined, {
      deadlineMs: 30_000,
      what: 'its end',
    });
    assert.equal((await show()).stores, 'cold,file');
    assert.equal((await second.call('GET', `/v2/images/${id}/tasks`)).body.tasks[0].status, 'success');
    assert.deepEqual(await second.service.deps.staging.list(), []);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

function taskRow(id: string, imageId: string, plan: ImportPlan, now: string): ImageTaskRow {
  return {
    id,
    type: 'api_image_import',
    status: 'pending',
    owner: 'o',
    user_id: 'u',
    request_id: 'r',
    image_id: imageId,
    input_json: '{}',
    plan_json: JSON.stringify(plan),
    result_json: null,
    message: '',
    lease: null,
    expires_at: null,
    created_at: now,
    updated_at: now,
  };
}

test('removes tasks that have expired, with their logs', async () => {
  await using images = await startImages({ taskTtlMs: -1000, sweepIntervalMs: 50 });
  const { deps } = images.service;
  const { id } = (
    await images.call('POST', '/v2/images', { body: { disk_format: 'raw', container_format: 'bare' } })
  ).body;
  await images.call('PUT', `/v2/images/${id}/stage`, { raw: 'x' });
  await images.call('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' } } });
  const active = async () => (await images.call('GET', `/v2/images/${id}`)).body.status === 'active';
  await until(active, { deadlineMs: 30_000, what: 'the import' });
  const left = async () =>
    (await deps.db.kysely.selectFrom('image_tasks').select('id').execute()).length +
    (await deps.db.kysely.selectFrom('saga_steps').select('step').execute()).length;
  await until(async () => (await left()) === 0, { deadlineMs: 30_000, what: 'the expiry' });
});

test('an import whose image is deleted meanwhile leaves nothing', async () => {
  await using images = await startImages({ stores: STORES, uploadLeaseMs: 150 });
  const { deps } = images.service;
  const input = await begun(images, 'glance-direct');
  assert.equal((await images.call('DELETE', `/v2/images/${input.imageId}`)).status, 204);
  await deps.db.kysely
    .insertInto('image_tasks')
    .values(taskRow(input.taskId, input.imageId, input.plan, new Date().toISOString()))
    .execute();
  deps.imports.nudge();
  const task = async () => (await images.call('GET', `/v2/tasks/${input.taskId}`, { token: 'admin' })).body;
  await until(async () => (await task()).status === 'failure', { deadlineMs: 30_000, what: 'the end' });
  for (const { store } of deps.stores.all) assert.deepEqual(await store.list(), []);
  assert.deepEqual(await deps.staging.list(), []);
});
