// The saga runner: order, parallelism, unwinding, deadlines, cancellation and resumption, on a world that is a set of names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#platform/context/clock.ts';
import { runSaga } from './run-saga.ts';
import type { RunOptions, Saga, SagaLog, Step } from './saga.ts';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  MemorySagaLog,
  type SagaTrial,
} from './testing.ts';

interface Outputs {
  base: number;
  left: number;
  right: number;
  top: number;
}

function names(
  world: Set<string>,
  more: Partial<Record<keyof Outputs, Partial<Step<null, Outputs>>>> = {},
): Saga<null, Outputs> {
  const step = (name: keyof Outputs, needs: Array<keyof Outputs>): Step<null, Outputs> => ({
    name,
    needs,
    deadlineMs: 1000,
    do: async () => {
      world.add(name);
      return needs.length;
    },
    undo: async () => void world.delete(name),
    ...more[name],
  });
  return {
    name: 'names',
    steps: [
      step('base', []),
      step('left', ['base']),
      step('right', ['base']),
      step('top', ['left', 'right']),
    ] as Saga<null, Outputs>['steps'],
  };
}

async function trial(): Promise<SagaTrial<null, Outputs>> {
  const world = new Set<string>();
  return {
    saga: names(world),
    input: null,
    leftovers: async () => [...world],
    assertDone: async () => assert.deepEqual([...world].toSorted(), ['base', 'left', 'right', 'top']),
  };
}

function run(
  saga: Saga<null, Outputs>,
  log: SagaLog = new MemorySagaLog(),
  more: Partial<RunOptions<null>> = {},
) {
  return runSaga(saga, {
    sagaId: 's',
    attempt: 1,
    input: null,
    actor: 'test',
    log,
    clock: systemClock,
    signal: new AbortController().signal,
    ...more,
  });
}

test('unwinds from each step', async () => assertUnwindsFromEachStep(trial));
test('repeats each step', async () => assertStepsRepeat(trial));
test('survives death at each write on the way forward', async () => assertSurvivesDeathAtEachWrite(trial));
test('survives death at each write on the way back', async () =>
  assertSurvivesDeathAtEachWrite(trial, { failAt: 'top' }));

test('runs steps that do not need each other side by side', async () => {
  const meeting = Promise.withResolvers<void>();
  let arrived = 0;
  const meet = async (): Promise<number> => {
    if (++arrived === 2) meeting.resolve();
    await meeting.promise;
    return 0;
  };
  const outcome = await run(names(new Set(), { left: { do: meet }, right: { do: meet } }));
  assert.equal(outcome.kind, 'done');
});

test('undoes in reverse order of beginning, once the other steps under way have settled', async () => {
  const events: string[] = [];
  const slow = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    events.push('right settled');
    return 0;
  };
  const outcome = await run(
    names(new Set(), {
      base: { undo: async () => void events.push('undo base') },
      left: {
        do: async () => Promise.reject(new Error('no')),
        undo: async () => void events.push('undo left'),
      },
      right: { do: slow, undo: async () => void events.push('undo right') },
    }),
  );
  assert.equal(outcome.kind, 'undone');
  assert.deepEqual(events, ['right settled', 'undo right', 'undo left', 'undo base']);
});

test('ends a step at its deadline, and says what it waited for', async () => {
  const log = new MemorySagaLog();
  const forever: Partial<Step<null, Outputs>> = {
    deadlineMs: 30,
    do: async ({ signal, waitingFor }) => {
      waitingFor('a sign');
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    },
  };
  const outcome = await run(names(new Set(), { left: forever }), log);
  assert.equal(outcome.kind, 'undone');
  assert.match(
    log.records.get('1 left')?.error ?? '',
    /left did not end within 0.03 s: still waiting for a sign/,
  );
});

test('unwinds when the log says that the operation is cancelled', async () => {
  const log = new MemorySagaLog();
  const world = new Set<string>();
  const saga = names(world, { left: { do: async () => ((log.cancelled = true), 0) } });
  const outcome = await run(saga, log);
  assert.equal(outcome.kind, 'undone');
  assert.deepEqual([...world], []);
});

test('decides nothing when the process closes: a later run goes on', async () => {
  const log = new MemorySagaLog();
  const world = new Set<string>();
  const closing = new AbortController();
  const saga = names(world, {
    left: {
      do: async ({ signal }) => {
        closing.abort(new Error('closing'));
        signal.throwIfAborted();
        return 0;
      },
    },
  });
  await assert.rejects(run(saga, log, { signal: closing.signal }), /closing/);
  assert.deepEqual([...world].includes('base'), true, 'nothing was undone');
  const outcome = await run(names(world), log);
  assert.equal(outcome.kind, 'done');
});

test('repeats an undo that fails, and reports one that never works', async () => {
  let tries = 0;
  const stubborn: Partial<Step<null, Outputs>> = {
    undo: async () => {
      tries += 1;
      throw new Error('stuck');
    },
  };
  const clock = { ...systemClock, sleep: async () => undefined };
  const outcome = await run(
    names(new Set(), { base: stubborn, top: { do: async () => Promise.reject(new Error('no')) } }),
    new MemorySagaLog(),
    { clock },
  );
  assert.equal(outcome.kind, 'undone');
  assert.equal(tries, 5);
  assert.deepEqual(outcome.kind === 'undone' && outcome.undoFailures.map((each) => each.step), ['base']);
});

test('does again what a crash took with it, and what rests on that', async () => {
  const log = new MemorySagaLog();
  const done: string[] = [];
  const closing = new AbortController();
  const note = (name: string): Partial<Step<null, Outputs>> => ({
    do: async () => (done.push(name), 0),
    ...(name === 'left' ? { volatile: true } : {}),
  });
  const dies: Partial<Step<null, Outputs>> = {
    do: async () => {
      closing.abort(new Error('died'));
      throw new Error('died');
    },
  };
  const parts = { base: note('base'), left: note('left'), right: note('right') };
  await assert.rejects(run(names(new Set(), { ...parts, top: dies }), log, { signal: closing.signal }));
  assert.deepEqual(done.toSorted(), ['base', 'left', 'right']);
  done.length = 0;
  const outcome = await run(names(new Set(), { ...parts, top: note('top') }), log);
  assert.equal(outcome.kind, 'done');
  assert.deepEqual(done, ['left', 'top']);
});

test('unwinds in the middle of a wait when it is called off', async () => {
  const calledOff = new AbortController();
  const world = new Set<string>();
  const waits: Partial<Step<null, Outputs>> = {
    do: async ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        calledOff.abort();
      }),
  };
  const outcome = await run(names(world, { left: waits }), new MemorySagaLog(), { cancel: calledOff.signal });
  assert.equal(outcome.kind, 'undone');
  assert.deepEqual([...world], []);
});
