import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { explain } from './errors.ts';
import { silentProgress } from './progress.ts';
import { runPlan } from './run-plan.ts';
import type { Step } from './run-plan.ts';

type Log = string[];

/** A step that logs when it begins, is done and is undone. */
function step(name: string, needs: string[] = [], more: Partial<Step<Log>> = {}): Step<Log> {
  return {
    name,
    title: name,
    needs,
    do: async (log) => {
      log.push(`+${name}`);
      await delay(1);
      log.push(`=${name}`);
    },
    undo: (log) => {
      log.push(`-${name}`);
      return Promise.resolve();
    },
    ...more,
  };
}

const options = { progress: silentProgress };

test('steps run when their needs are met, side by side where they can, and are undone the other way round', async () => {
  const log: Log = [];
  const undo = await runPlan(
    [step('a'), step('b'), step('c', ['a', 'b']), step('d', ['absent'])],
    log,
    options,
  );
  assert.deepEqual(log.slice(0, 3), ['+a', '+b', '+d']);
  assert.ok(log.indexOf('+c') > log.indexOf('=a') && log.indexOf('+c') > log.indexOf('=b'));
  log.length = 0;
  await undo();
  assert.equal(log.length, 4);
  assert.ok(log.indexOf('-c') < log.indexOf('-a') && log.indexOf('-c') < log.indexOf('-b'));
});

test('when a step fails, running ones are given up, later ones not begun, and all begun are undone', async () => {
  const log: Log = [];
  let givenUp = false;
  const slow = step('slow', [], {
    do: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          givenUp = true;
          reject(new Error('interrupted'));
        });
      }),
  });
  const bad = step('bad', [], { ready: () => Promise.reject(new Error('no such device')) });
  const plan = [step('first'), slow, bad, step('later', ['bad'])];
  await assert.rejects(runPlan(plan, log, options), (error) => {
    assert.equal(explain(error), 'bad (step bad) failed: no such device');
    return true;
  });
  assert.ok(givenUp);
  assert.ok(!log.includes('+later') && !log.includes('-later'));
  assert.deepEqual(log.filter((entry) => entry.startsWith('-')).toSorted(), ['-bad', '-first', '-slow']);
});

test('a step that does not end by its deadline fails by name', async () => {
  const hanging = step('hanging', [], {
    deadlineMs: 20,
    do: (_, { signal }) => delay(60_000, undefined, { signal }),
  });
  await assert.rejects(runPlan([hanging], [], options), (error) => {
    assert.equal(explain(error), 'hanging (step hanging) failed: it was not done after 0.02 s');
    return true;
  });
});

test('the user gives up: what was begun is undone, and the reason is theirs', async () => {
  const log: Log = [];
  const user = new AbortController();
  const waiting = step('waiting', ['a'], {
    do: (_, { signal }) => {
      user.abort(new Error('Ctrl-C'));
      return delay(60_000, undefined, { signal });
    },
  });
  await assert.rejects(
    runPlan([step('a'), waiting], log, { ...options, signal: user.signal }),
    /^Error: Ctrl-C$/,
  );
  assert.deepEqual(log.slice(-2), ['-waiting', '-a']);
});

test('a failing undo does not keep the others from being undone', async () => {
  const log: Log = [];
  const stuck = step('stuck', ['a'], { undo: () => Promise.reject(new Error('busy')) });
  const undo = await runPlan([step('a'), stuck], log, options);
  await assert.rejects(undo(), AggregateError);
  assert.equal(log.at(-1), '-a');
});

test('refuses a plan with a step before its need, or two of one name', async () => {
  await assert.rejects(runPlan([step('b', ['a']), step('a')], [], options), /needs a, which comes later/);
  await assert.rejects(runPlan([step('a'), step('a')], [], options), /two steps a/);
});
