/**
 * Runs the test files, as many at once as the machine has processors: most wait more than they compute, also those on real
 * programs, and every deadline in them leaves room for a neighbour. Called by `pileus test`.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from 'node:test';
import { isRoot } from '../config.ts';
import { CoverageRecord, type Outcome } from './record.ts';
import { Tally } from './tally.ts';
import { lineProgress, liveProgress } from '#cloud/progress.ts';
import {
  CEPH_CLUSTER_PACKAGES,
  CEPH_PACKAGES,
  HYPERVISOR_PACKAGES,
  NETWORK_PACKAGES,
  DEMO_IMAGE_PACKAGES,
  TEST_PACKAGES,
  findMissing,
  installMissing,
} from '#cloud/packages.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** No single test takes longer; one that does hangs. */
const TEST_TIMEOUT_MS = 5 * 60_000;
/** A file of many slow tests; the suite's own limit is the other bound. */
const FILE_TIMEOUT_MS = 15 * 60_000;
/** The whole suite is to end, also when something hangs; on a quiet machine it takes a third of this. */
const SUITE_TIMEOUT_MS = 50 * 60_000;
/** More would need more memory than processors: each may hold a cloud with guests. */
const MOST_AT_ONCE = 4;
/**
 * Files of a minute and more on two processors, the longest first: they begin first, so that none is left alone at the end.
 * The suite tells of its slowest files when it ends.
 */
const LONGEST = [
  'test/faults/kill-nine',
  'test/interop/volume.test',
  'test/interop/powered',
  'test/interop/server-create',
  'test/hostile/input',
  'test/interop/server-actions',
  'test/faults/volume-integrity',
  'test/hosts/restart',
  'test/launch/',
  'test/hosts/',
];

export type TestOptions = {
  filters: readonly string[];
  names?: string | undefined;
  install: boolean;
  /** Whether what succeeds goes into the index of the APIs. */
  recordCoverage?: boolean | undefined;
};

export async function runTests(
  options: TestOptions,
): Promise<{ passed: number; failed: number; skipped: number }> {
  if (options.install) await installTestPackages();
  const tally = new Tally(ROOT);
  const record = options.recordCoverage ? new CoverageRecord() : undefined;
  const tooLong = AbortSignal.timeout(SUITE_TIMEOUT_MS);
  const files = [
    ...findTests('test/**/*.test.ts', options.filters).toSorted((a, b) => rank(a) - rank(b)),
    ...findTests('src/**/*.test.ts', options.filters),
  ];
  const atOnce = Math.min(MOST_AT_ONCE, Math.max(2, availableParallelism()));
  await runFiles(files, atOnce, { ...options, record }, tally, tooLong);
  await runFailedAgain(files.length, { ...options, record }, tally, tooLong);
  record?.write();
  if (tooLong.aborted) tally.failSuite(`the suite was not done after ${SUITE_TIMEOUT_MS / 60_000} minutes`);
  console.log(tally.summary());
  return tally;
}

function findTests(pattern: string, filters: readonly string[]): string[] {
  const wanted = (path: string): boolean =>
    filters.length === 0 || filters.some((filter) => path.includes(filter.replace(/^\.\//, '')));
  return globSync(pattern, { cwd: ROOT })
    .filter(wanted)
    .toSorted()
    .map((path) => `${ROOT}${path}`);
}

function rank(file: string): number {
  const place = LONGEST.findIndex((part) => file.includes(part));
  return place < 0 ? LONGEST.length : place;
}

/** Each file in a run of its own, so that one that hangs in a loop is ended alone, and by name. */
async function runFiles(
  files: string[],
  concurrency: number,
  { names, record }: TestOptions & { record: CoverageRecord | undefined },
  tally: Tally,
  tooLong: AbortSignal,
): Promise<void> {
  const waiting = [...files];
  const runOne = async (file: string, env?: NodeJS.ProcessEnv): Promise<Outcome> => {
    let outcome: Outcome = names === undefined ? 'whole' : 'in part';
    const signal = AbortSignal.any([tooLong, AbortSignal.timeout(FILE_TIMEOUT_MS)]);
    const testNamePatterns = names === undefined ? {} : { testNamePatterns: [new RegExp(names)] };
    const stream = run({
      files: [file],
      timeout: TEST_TIMEOUT_MS,
      signal,
      cwd: ROOT,
      ...testNamePatterns,
      ...(env ? { env } : {}),
    });
    for await (const event of stream) {
      tally.take(event, file);
      if (event.type === 'test:fail') outcome = 'failed';
      else if (event.type === 'test:pass' && event.data.skip !== undefined && outcome === 'whole')
        outcome = 'in part';
    }
    return outcome;
  };
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined && !tooLong.aborted; file = waiting.shift())
      await (record ? record.take(file, (env) => runOne(file, env)) : runOne(file));
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** More than these do not fail for want of a processor. */
const MOST_AGAIN = 5;

/**
 * A few files that failed beside others run once more, alone: what passes then waits for something too impatiently, which is
 * told as unsteady and is to be mended, and is no reason to doubt the change that is tested.
 */
async function runFailedAgain(
  howMany: number,
  options: TestOptions & { record: CoverageRecord | undefined },
  tally: Tally,
  tooLong: AbortSignal,
): Promise<void> {
  const again = tally.failedFiles();
  if (howMany === 1 || again.length > MOST_AGAIN || tooLong.aborted) return;
  for (const file of again) {
    console.log(`again, alone: ${relative(ROOT, file)}`);
    tally.forget(file);
    await runFiles([file], 1, options, tally, tooLong);
  }
}

async function installTestPackages(): Promise<void> {
  const needs = [
    ...NETWORK_PACKAGES,
    ...HYPERVISOR_PACKAGES,
    ...DEMO_IMAGE_PACKAGES,
    ...CEPH_PACKAGES,
    ...CEPH_CLUSTER_PACKAGES,
    ...TEST_PACKAGES,
  ];
  const missing = findMissing(needs).map((need) => need.package);
  if (missing.length === 0) return;
  if (!isRoot()) {
    console.log(`not root: tests that need ${missing.join(', ')} are skipped or fail`);
    return;
  }
  const title = 'Packages';
  const progress = process.stdout.isTTY ? liveProgress(process.stdout) : lineProgress(process.stdout);
  progress.begin(title, title);
  try {
    const signal = AbortSignal.timeout(15 * 60_000);
    await installMissing(needs, {
      say: (text) => progress.say(title, text),
      at: (detail) => progress.at(title, detail),
      signal,
    });
    progress.done(title);
  } finally {
    progress.close();
  }
}
