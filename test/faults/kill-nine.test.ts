// `kill -9` of the whole process at the writes of the launch record, for each operation of several steps, then `up` again: done or
// undone, with a reason, and an audit that finds nothing. On the simulated cloud at every write; on real programs at a
// sample of them, at every one with PILEUS_TEST_FULL=1.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HYPERVISOR_PACKAGES, NETWORK_PACKAGES, findMissing } from '#cloud/packages.ts';
import { runDeaths, type Death, type DeathMatrix } from './death.ts';

const FULL = process.env['PILEUS_TEST_FULL'] === '1';
const REAL =
  process.getuid?.() === 0 && findMissing([...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES]).length === 0;
const MINUTE = 60_000;

const after = (...writes: readonly number[]): Death[] => writes.map((at) => ({ at, when: 'after' }));

async function survive(matrix: DeathMatrix, atLeast: number): Promise<void> {
  const survivals = await runDeaths(matrix);
  assert.ok(survivals.length >= atLeast, `only ${survivals.length} deaths`);
  const outcomes = Map.groupBy(survivals, (survival) => survival.outcome);
  const counts = [...outcomes].map(([outcome, all]) => `${all.length} ${outcome}`).join(', ');
  const slowest = Math.max(...survivals.map((survival) => survival.settledMs));
  const kind = matrix.simulated ? 'simulated' : 'real';
  console.log(
    `# ${kind} ${matrix.operation}: ${survivals.length} deaths: ${counts}; settled within ${slowest} ms`,
  );
}

test('a simulated launch survives death after every write', { timeout: 10 * MINUTE }, async () =>
  survive({ operation: 'launch', simulated: true, ...(FULL ? {} : { when: ['after'] }) }, 20),
);

test(
  'a simulated launch from a volume survives death after every write',
  { timeout: 10 * MINUTE },
  async () =>
    survive(
      {
        operation: 'launch',
        simulated: true,
        volumes: true,
        ...(FULL ? {} : { deaths: after(2, 4, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 22, 24, 26) }),
      },
      12,
    ),
);

test('a simulated delete survives death before and after every write', { timeout: 5 * MINUTE }, async () =>
  survive({ operation: 'delete', simulated: true }, 14),
);

test(
  'a simulated resize and its revert survive death at the writes of their records',
  { timeout: 10 * MINUTE },
  async () =>
    survive(
      {
        operation: 'move',
        simulated: true,
        ...(FULL ? {} : { deaths: after(4, 9, 13, 17, 22, 30, 37, 43) }),
      },
      7,
    ),
);

for (const [operation, sample] of [
  ['shelve', after(2, 4, 6, 9, 12, 16, 20, 26, 32, 38)],
  ['rescue', after(2, 4, 6, 8)],
  ['evacuate', after(2, 6, 10, 14, 18)],
  ['live migration', after(4, 9, 13, 15, 18, 22)],
] as const)
  test(
    `a simulated ${operation} and its end survive death at the writes of their records`,
    { timeout: 10 * MINUTE },
    async () =>
      survive(
        { operation, simulated: true, ...(FULL ? { when: ['after'] } : { deaths: sample }) },
        sample.length - 2,
      ),
  );

const NEEDS = REAL ? { timeout: 15 * MINUTE } : { skip: 'needs root and the packages of pileus up' };

test('a real launch survives death', NEEDS, async () =>
  survive(
    { operation: 'launch', simulated: false, ...(FULL ? {} : { deaths: after(2, 6, 11, 15, 19, 24) }) },
    FULL ? 40 : 5,
  ),
);

test('a real launch from a volume survives death', NEEDS, async () =>
  survive(
    {
      operation: 'launch',
      simulated: false,
      volumes: true,
      ...(FULL ? {} : { deaths: after(9, 13, 17, 21) }),
    },
    FULL ? 40 : 3,
  ),
);

test('a real delete survives death', NEEDS, async () =>
  survive(
    { operation: 'delete', simulated: false, ...(FULL ? {} : { deaths: after(2, 4, 7) }) },
    FULL ? 14 : 3,
  ),
);
