// Carries out tasks off their requests: finds those that nobody runs, takes a lease on each, runs its saga, and ends it.
// A process that dies leaves a lease that runs out; the next one goes on where the saga's log ends.
import { clearInterval, setInterval } from 'node:timers';
import { isoTime } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { runSaga } from '#platform/saga/run-saga.ts';
import type { SagaLog, SagaOutcome } from '#platform/saga/saga.ts';
import { listSteps, saveStep } from '#platform/saga/sql-log.ts';
import type { ImageDeps } from '../deps.ts';
import { findImageRow, updateImage } from '../images/store.ts';
import { endTask, leaseTask, listRunnable } from '../tasks/store.ts';
import type { ImageTaskRow } from '../tables.ts';
import type { ImportInput, ImportPlan } from './plan.ts';
import { importSaga, type ImportOutputs } from './saga.ts';

const LOOK_MS = 5_000; // how late a task begins whose process died before it told anyone

/** Runs until disposed; then tasks under way stop where they are, and the next runner goes on with them. */
export function startImports(deps: ImageDeps): Loop {
  const running = new Map<string, Promise<void>>();
  const closing = new AbortController();
  const loop = startLoop({
    name: 'image-imports',
    intervalMs: LOOK_MS,
    log: deps.log,
    run: async () => {
      const free = deps.config.importsAtOnce - running.size;
      if (free <= 0) return;
      const now = isoTime(deps.clock);
      for (const task of await listRunnable(deps.db.kysely, now, free)) {
        const lease = leaseUntil(deps);
        const taken = { lease, status: 'processing', updated_at: now } as const;
        if (running.has(task.id) || !(await leaseTask(deps.db.kysely, task.id, task.lease, taken))) continue;
        const run = runTask(deps, { ...task, ...taken }, closing.signal)
          .catch((error: unknown) =>
            deps.log.error({ task_id: task.id, err: error }, 'import task not ended'),
          )
          .finally(() => {
            running.delete(task.id);
            loop.nudge();
          });
        running.set(task.id, run);
      }
    },
  });
  return {
    nudge: () => loop.nudge(),
    settled: async () => {
      await loop.settled();
      await Promise.all(running.values());
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error('the image service is closing'));
      await loop[Symbol.asyncDispose]();
      await Promise.all(running.values());
    },
  };
}

function leaseUntil({ clock, config }: ImageDeps): string {
  return new Date(clock.now() + config.uploadLeaseMs).toISOString();
}

/** Tests run it alone. */
export async function runTask(
  deps: ImageDeps,
  task: Pick<ImageTaskRow, 'id' | 'image_id' | 'plan_json' | 'lease'>,
  closing: AbortSignal,
): Promise<void> {
  const input = inputOf(task);
  await using lease = keepLease(deps, task, input.imageId, closing);
  const signal = AbortSignal.any([closing, lease.lost]);
  try {
    const outcome = await runSaga(importSaga(deps), {
      sagaId: task.id,
      attempt: 1,
      input,
      actor: 'image',
      log: sagaLog(deps, input),
      clock: deps.clock,
      signal,
      cancel: lease.unwanted,
    });
    await finish(deps, input, outcome);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function inputOf({
  id,
  image_id,
  plan_json,
}: Pick<ImageTaskRow, 'id' | 'image_id' | 'plan_json'>): ImportInput {
  return { taskId: id, imageId: image_id ?? '', plan: JSON.parse(plan_json) as ImportPlan };
}

interface TaskLease extends AsyncDisposable {
  /** Aborts when somebody else may run the task. */
  readonly lost: AbortSignal;
  /** Aborts when the image was deleted. */
  readonly unwanted: AbortSignal;
}

function keepLease(
  deps: ImageDeps,
  task: Pick<ImageTaskRow, 'id' | 'lease'>,
  imageId: string,
  closing: AbortSignal,
): TaskLease {
  const lost = new AbortController();
  const unwanted = new AbortController();
  let held = task.lease;
  let renewing: Promise<void> = Promise.resolve();
  const renew = async (): Promise<void> => {
    const next = leaseUntil(deps);
    if (!(await leaseTask(deps.db.kysely, task.id, held, { lease: next })))
      lost.abort(new Error('lease lost'));
    held = next;
    if ((await findImageRow(deps.db.kysely, imageId))?.import_task !== task.id) unwanted.abort();
  };
  const timer = setInterval(() => {
    renewing = renewing
      .then(renew)
      .catch((error: unknown) => deps.log.warn({ task_id: task.id, err: error }, 'task lease not renewed'));
  }, deps.config.uploadLeaseMs / 3);
  return {
    lost: lost.signal,
    unwanted: unwanted.signal,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await renewing;
      // After an orderly end the next process goes on at once; after an error the lease is the pause before the next try.
      if (held !== null && closing.aborted) await leaseTask(deps.db.kysely, task.id, held, { lease: null });
    },
  };
}

/** Beside the state it describes; an import whose image is gone is told so at its next word. */
function sagaLog({ db }: ImageDeps, { imageId, taskId }: ImportInput): SagaLog {
  return {
    load: async (sagaId) => listSteps(db.kysely, [sagaId]),
    record: async (record) =>
      db.transaction(
        async (trx) => {
          await saveStep(trx, record);
          return { cancelled: (await findImageRow(trx, imageId))?.import_task !== taskId };
        },
        { durable: false },
      ),
  };
}

/** Task and image in one: who sees the task ended sees the image as it left it. */
export async function finish(
  deps: ImageDeps,
  { imageId, taskId, plan }: ImportInput,
  outcome: SagaOutcome<ImportOutputs>,
): Promise<void> {
  const { db, clock, config, log } = deps;
  const now = isoTime(clock);
  const ended = { updated_at: now, expires_at: new Date(clock.now() + config.taskTtlMs).toISOString() };
  const stores = plan.targets.map(({ store }) => store);
  const failed = outcome.kind === 'done' ? outcome.outputs['import.store'].failed : stores;
  const queued =
    outcome.kind === 'undone' && plan.staged !== null
      ? ({ status: 'queued', upload_id: null, staged_json: null } as const)
      : {};
  if (outcome.kind === 'undone')
    log.info(
      { task_id: taskId, image_id: imageId, step: outcome.failedStep, err: outcome.cause },
      'import undone',
    );
  if (plan.staged !== null) await deps.staging.delete(plan.staged); // whose end is seen has nothing staged any more
  await db.transaction(async (trx) => {
    await endTask(
      trx,
      taskId,
      outcome.kind === 'done'
        ? { ...ended, status: 'success', message: '', result_json: JSON.stringify({ image_id: imageId }) }
        : { ...ended, status: 'failure', message: messageOf(outcome.cause), result_json: null },
    );
    const set = {
      ...queued,
      import_task: null,
      importing_to: '',
      failed_import: failed.join(','),
      updated_at: now,
    };
    await updateImage(trx, imageId, { import_task: taskId }, set);
  });
}

/** What the owner of the task may read. */
function messageOf(cause: unknown): string {
  return cause instanceof DomainError ? cause.message : 'The import failed inside of the image service.';
}
