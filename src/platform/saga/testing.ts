// What every saga must withstand, as three checks that its tests call: each step may fail and all is undone, each step may
// run twice, and the process may die at every line of the log and a later run ends it.
import assert from 'node:assert/strict';
import { systemClock } from '#platform/context/clock.ts';
import { runSaga } from './run-saga.ts';
import type { AnyStep, RunOptions, Saga, SagaLog, SagaOutcome, Step, StepRecord } from './saga.ts';

/** A saga in a world of its own. Made anew for every run. */
export interface SagaTrial<I, O> {
  readonly saga: Saga<I, O>;
  readonly input: I;
  /** Names of what the operation left in the world; empty when all is undone. */
  leftovers(): Promise<string[]>;
  /** Fails when the operation's result is not there. */
  assertDone(): Promise<void>;
  /** Ends the world. */
  close?(): Promise<void>;
}

export type MakeTrial<I, O> = () => Promise<SagaTrial<I, O>>;

/** A log in memory. `dieAfter` writes it fails for good, as when the process dies; `revive` is the next process. */
export class MemorySagaLog implements SagaLog {
  readonly records = new Map<string, StepRecord>();
  #writesLeft = Number.POSITIVE_INFINITY;
  writes = 0;
  cancelled = false;

  async load(sagaId: string): Promise<StepRecord[]> {
    return [...this.records.values()].filter((record) => record.saga_id === sagaId);
  }

  async record(record: StepRecord): Promise<{ cancelled: boolean }> {
    if (this.#writesLeft <= 0) throw new ProcessDied();
    this.#writesLeft -= 1;
    this.writes += 1;
    this.records.set(`${record.attempt} ${record.step}`, JSON.parse(JSON.stringify(record)) as StepRecord);
    return { cancelled: this.cancelled };
  }

  dieAfter(writes: number): void {
    this.#writesLeft = writes;
  }

  revive(): void {
    this.#writesLeft = Number.POSITIVE_INFINITY;
  }
}

export class ProcessDied extends Error {}
class InjectedFailure extends Error {}

function options<I>(input: I, log: SagaLog): RunOptions<I> {
  return {
    sagaId: 'trial',
    attempt: 1,
    input,
    actor: 'test',
    log,
    clock: systemClock,
    signal: new AbortController().signal,
  };
}

async function inTrial<I, O>(
  make: MakeTrial<I, O>,
  fn: (trial: SagaTrial<I, O>) => Promise<void>,
): Promise<void> {
  const trial = await make();
  try {
    await fn(trial);
  } finally {
    await trial.close?.();
  }
}

function withStep<I, O>(
  saga: Saga<I, O>,
  name: string,
  change: (step: Step<I, O>) => Step<I, O>,
): Saga<I, O> {
  return {
    ...saga,
    steps: saga.steps.map((step) =>
      step.name === name ? (change(step as Step<I, O>) as AnyStep<I, O>) : step,
    ),
  };
}

/** Fails each step in turn, before and after its effect, and finds the world empty each time. */
export async function assertUnwindsFromEachStep<I, O>(make: MakeTrial<I, O>): Promise<void> {
  const names: string[] = [];
  await inTrial(make, async ({ saga }) => void names.push(...saga.steps.map(({ name }) => name)));
  for (const name of names) {
    for (const when of ['before', 'after'] as const) {
      await inTrial(make, async (trial) => {
        const failing = withStep(trial.saga, name, (step) => ({
          ...step,
          do: async (context) => {
            if (when === 'after') await step.do(context);
            throw new InjectedFailure(`${name} fails ${when} its effect`);
          },
        }));
        const outcome = await runSaga(failing, options(trial.input, new MemorySagaLog()));
        assertUndone(outcome, name);
        assert.deepEqual(await trial.leftovers(), [], `left over when ${name} fails ${when} its effect`);
      });
    }
  }
}

function assertUndone<O>(outcome: SagaOutcome<O>, step: string): void {
  assert.equal(outcome.kind, 'undone');
  if (outcome.kind !== 'undone') return;
  assert.equal(outcome.failedStep, step);
  assert.deepEqual(outcome.undoFailures, []);
}

/** Runs every `do` twice, and with a failure at the end every `undo` twice. */
export async function assertStepsRepeat<I, O>(make: MakeTrial<I, O>): Promise<void> {
  const twice = (saga: Saga<I, O>): Saga<I, O> => ({
    ...saga,
    steps: saga.steps.map((each) => {
      const step = each as Step<I, O>;
      const { undo } = step;
      return {
        ...step,
        do: async (context) => {
          await step.do(context);
          return step.do(context);
        },
        ...(undo
          ? { undo: async (context: Parameters<typeof undo>[0]) => (await undo(context), undo(context)) }
          : {}),
      } as AnyStep<I, O>;
    }),
  });
  await inTrial(make, async (trial) => {
    const outcome = await runSaga(twice(trial.saga), options(trial.input, new MemorySagaLog()));
    assert.equal(outcome.kind, 'done', outcome.kind === 'undone' ? String(outcome.cause) : '');
    await trial.assertDone();
  });
  await inTrial(make, async (trial) => {
    const last = trial.saga.steps.at(-1)?.name ?? '';
    const failing = withStep(twice(trial.saga), last, (step) => ({
      ...step,
      do: async () => Promise.reject(new InjectedFailure(last)),
    }));
    assertUndone(await runSaga(failing, options(trial.input, new MemorySagaLog())), last);
    assert.deepEqual(await trial.leftovers(), []);
  });
}

/** Lets the process die after every write of the log, on the way forward and on the way back; the next run ends it. */
export async function assertSurvivesDeathAtEachWrite<I, O>(
  make: MakeTrial<I, O>,
  options_: { failAt?: string } = {},
): Promise<void> {
  const { failAt } = options_;
  const sagaOf = (trial: SagaTrial<I, O>): Saga<I, O> =>
    failAt === undefined
      ? trial.saga
      : withStep(trial.saga, failAt, (step) => ({
          ...step,
          do: async () => Promise.reject(new InjectedFailure(failAt)),
        }));
  const counting = new MemorySagaLog();
  await inTrial(make, async (trial) => void (await runSaga(sagaOf(trial), options(trial.input, counting))));
  for (let writes = 0; writes < counting.writes; writes++) {
    await inTrial(make, async (trial) => {
      const log = new MemorySagaLog();
      log.dieAfter(writes);
      await runSaga(sagaOf(trial), options(trial.input, log)).catch(() => undefined);
      log.revive();
      const outcome = await runSaga(sagaOf(trial), options(trial.input, log));
      const when = `after death at write ${writes}`;
      if (outcome.kind === 'done') await trial.assertDone();
      else assert.deepEqual(await trial.leftovers(), [], `left over ${when}`);
      if (failAt !== undefined) assert.equal(outcome.kind, 'undone', when);
    });
  }
}
