// One holder a key, in order, whatever the holders do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyedMutex } from './keyed-mutex.ts';

test('holders of one key follow each other in order, those of others do not wait', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(4), fails: fc.boolean() })),
      async (jobs) => {
        const mutex = new KeyedMutex();
        const holding = new Set<string>();
        const order = new Map<string, number[]>();
        const outcomes = jobs.map(async ({ key, turns, fails }, i) =>
          mutex.run(key, async () => {
            assert.ok(!holding.has(key));
            holding.add(key);
            for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
            order.set(key, [...(order.get(key) ?? []), i]);
            holding.delete(key);
            if (fails) throw new Error('failed');
            return i;
          }),
        );
        const settled = await Promise.allSettled(outcomes);
        settled.forEach((outcome, i) =>
          assert.equal(outcome.status, jobs[i]?.fails ? 'rejected' : 'fulfilled'),
        );
        for (const ran of order.values())
          assert.deepEqual(
            ran,
            ran.toSorted((x, y) => x - y),
          );
        for (const key of ['a', 'b', 'c']) assert.equal(mutex.isHeld(key), false);
      },
    ),
    { numRuns: 50 },
  );
});

test('a key is held from the call on until its last holder has ended', async () => {
  const mutex = new KeyedMutex();
  const gate = Promise.withResolvers<void>();
  const running = mutex.run('a', async () => gate.promise);
  assert.equal(mutex.isHeld('a'), true);
  assert.equal(mutex.isHeld('b'), false);
  gate.resolve();
  await running;
  assert.equal(mutex.isHeld('a'), false);
});
