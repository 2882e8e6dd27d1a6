// What `pileus test interop` makes of tempest's words beyond the guideline: which tests run, whose class was skipped, and what
// the table of known misses explains.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKnownMiss, readKnownMisses, type KnownMiss } from './known.ts';
import { patternsOf } from './selection.ts';
import { idsByName, resultOf, spreadOverClasses, type TempestResult } from './tempest.ts';
import { wideReport, wideReportText } from './wide-report.ts';

const LISTING = [
  'tempest.api.volume.test_a.A.test_one[id-1,smoke]',
  'tempest.api.volume.test_a.A.test_two[id-2]',
  'tempest.api.volume.test_a.B.test_three[id-3,negative]',
  'tempest.api.image.v2.test_c.C.test_four[id-4]',
  'tempest.scenario.test_d.D.test_five[id-5,slow,smoke]',
];
const OUTPUT = [
  '{0} setUpClass (tempest.api.volume.test_a.A) ... SKIPPED: no storage',
  '{0} tempest.api.volume.test_a.B.test_three [0.10s] ... ok',
  '{1} tempest.api.image.v2.test_c.C.test_four [1.10s] ... FAILED',
];

function results(): readonly TempestResult[] {
  const ids = idsByName(LISTING.join('\n'));
  const told = OUTPUT.flatMap((line) => resultOf(line, ids) ?? []);
  return spreadOverClasses(told, ids, [{ prefix: 'tempest.scenario.', why: 'left out' }]);
}

test('a class that is skipped counts as its tests, and what is left out is skipped', () => {
  assert.deepEqual(
    results().map(({ name, verdict, why }) => [name.split('.').at(-1), verdict, why]),
    [
      ['test_three', 'passed', ''],
      ['test_four', 'failed', ''],
      ['test_one', 'skipped', 'no storage'],
      ['test_two', 'skipped', 'no storage'],
      ['test_five', 'skipped', 'left out'],
    ],
  );
});

test('what was listed and has no result failed', () => {
  const [one] = spreadOverClasses([], new Map([['tempest.api.x.X.test_y', ['1']]]));
  assert.deepEqual([one?.verdict, one?.why], ['failed', 'it did not run']);
});

test('smoke and all choose by attributes and names, together with patterns', () => {
  const chosen = (asked: Parameters<typeof patternsOf>[0]): string[] => {
    const patterns = (patternsOf(asked) ?? []).map((each) => new RegExp(each));
    return LISTING.filter((line) => patterns.some((each) => each.test(line))).map(
      (line) => /test_\w+(?=\[)/.exec(line)?.[0] ?? '',
    );
  };
  assert.equal(patternsOf({}), undefined);
  assert.deepEqual(chosen({ smoke: true }), ['test_one', 'test_five']);
  assert.deepEqual(chosen({ all: true }), ['test_one', 'test_two', 'test_three', 'test_four']);
  assert.deepEqual(chosen({ smoke: true, regex: ['four'] }), ['test_one', 'test_four', 'test_five']);
});

test('the most exact line of the table that holds for the cloud explains a miss', () => {
  const line = (where: KnownMiss['where'], prefix: string): KnownMiss => ({ where, prefix, reason: prefix });
  const table = [
    line('any', 'a.B'),
    line('simulated', 'a.B.test_c'),
    line('real', 'a.D'),
    line('any', 'a.B.test'),
  ];
  assert.equal(findKnownMiss(table, 'a.B.test_c', true)?.prefix, 'a.B.test_c');
  assert.equal(findKnownMiss(table, 'a.B.test_c', false)?.prefix, 'a.B');
  assert.equal(findKnownMiss(table, 'a.Bigger.test', false), undefined);
  assert.equal(findKnownMiss(table, 'a.D.x', true), undefined);
});

test('the report tells what is known, what is new, and which lines of the table have had their day', () => {
  const table: readonly KnownMiss[] = [
    { where: 'any', prefix: 'tempest.api.volume.test_a.A', reason: 'there is no storage' },
    { where: 'any', prefix: 'tempest.api.volume.test_a.B', reason: 'nobody knows' },
  ];
  const report = wideReport(results(), table, true);
  assert.deepEqual(report.services, [
    { service: 'image', passed: 0, failed: 1, skipped: 0 },
    { service: 'scenario', passed: 0, failed: 0, skipped: 1 },
    { service: 'volume', passed: 1, failed: 0, skipped: 2 },
  ]);
  assert.deepEqual([report.unexplained, report.outdated], [2, ['tempest.api.volume.test_a.B']]);
  const text = wideReportText(report);
  assert.match(
    text,
    /^known, skipped: because there is no storage\n {4}tempest\.api\.volume\.test_a\.A\.test_one$/m,
  );
  assert.match(text, /^new, failed: /m);
  assert.match(text, /^passes, though the table knows a reason: tempest\.api\.volume\.test_a\.B$/m);
  assert.match(text, /\n1 passed, 1 failed$/);
});

test('the table can be read, and says nothing twice', () => {
  const known = readKnownMisses().map(({ where, prefix }) => `${where} ${prefix}`);
  assert.equal(new Set(known).size, known.length);
});
