// The loop runner: nudges, failures, waiting for a run, and its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '#platform/log/log.ts';
import { until as untilTrue } from '#test/support/until.ts';
import { startLoop } from './loop.ts';

const HOUR = 3_600_000;
const until = async (holds: () => boolean, what: string): Promise<true> =>
  untilTrue(async () => holds(), { deadlineMs: 30_000, everyMs: 2, what });

test('runs at once, and at each interval', async () => {
  let runs = 0;
  await using _loop = startLoop({
    name: 't',
    intervalMs: 5,
    log: silentLog,
    run: async () => void (runs += 1),
  });
  await until(() => runs >= 4, 'four runs');
});

test('a hundred nudges during a run cause exactly one more', async () => {
  let runs = 0;
  let release: () => void = () => undefined;
  await using loop = startLoop({
    name: 't',
    intervalMs: HOUR,
    log: silentLog,
    run: async () => {
      runs += 1;
      if (runs === 1) await new Promise<void>((resolve) => (release = resolve));
    },
  });
  await until(() => runs === 1, 'the first run');
  for (let i = 0; i < 100; i++) loop.nudge();
  release();
  await until(() => runs === 2, 'the second run');
  await loop.settled();
  assert.equal(runs, 3); // two, and the one that `settled` asked for
});

test('never runs twice at once, whoever asks', async () => {
  let running = 0;
  let most = 0;
  await using loop = startLoop({
    name: 't',
    intervalMs: 1,
    log: silentLog,
    run: async () => {
      most = Math.max(most, (running += 1));
      await new Promise(setImmediate);
      running -= 1;
    },
  });
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      loop.nudge();
      await loop.settled();
    }),
  );
  assert.equal(most, 1);
});

test('`settled` waits for a run that began after it was asked', async () => {
  let state = 0;
  let seen = -1;
  let release: () => void = () => undefined;
  let runs = 0;
  await using loop = startLoop({
    name: 't',
    intervalMs: HOUR,
    log: silentLog,
    run: async () => {
      const now = state;
      if (++runs === 1) await new Promise<void>((resolve) => (release = resolve));
      seen = now;
    },
  });
  await until(() => runs === 1, 'the first run');
  state = 1;
  const settled = loop.settled();
  release();
  await settled;
  assert.equal(seen, 1);
});

test('a failure is tried again soon, with growing pauses, and a nudge in between is not forgotten', async () => {
  const at: number[] = [];
  await using loop = startLoop({
    name: 't',
    intervalMs: HOUR,
    log: silentLog,
    run: async () => {
      at.push(performance.now());
      if (at.length < 4) throw new Error('the peer restarts');
    },
  });
  await until(() => at.length === 1, 'the first run');
  loop.nudge();
  await until(() => at.length === 4, 'the run that works');
  const pauses = at.slice(1).map((time, i) => time - (at[i] ?? 0));
  assert.ok(pauses[0]! >= 195 && pauses[1]! >= 395 && pauses[2]! >= 795, `pauses grow: ${pauses.join(', ')}`);
});

test('closing aborts a run, waits for its end, and lets nobody wait for ever', async () => {
  let started = false;
  let ended = false;
  const loop = startLoop({
    name: 't',
    intervalMs: 1,
    log: silentLog,
    run: async (signal) => {
      started = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended = true;
    },
  });
  const first = loop.settled();
  await until(() => started, 'the run');
  const second = loop.settled();
  await loop[Symbol.asyncDispose]();
  await Promise.all([first, second, loop.settled()]);
  loop.nudge();
  assert.ok(ended);
});
