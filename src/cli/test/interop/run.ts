/**
 * `pileus test interop`: Debian's tempest runs the tests that an OpenStack Powered product must pass against a cloud that
 * runs, or against one that is started for it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble } from '#cloud/assemble.ts';
import { INTEROP_PACKAGES, findMissing, installMissing } from '#cloud/packages.ts';
import { lineProgress, liveProgress } from '#cloud/progress.ts';
import { up } from '#cloud/up.ts';
import { isRoot } from '../../config.ts';
import { cloudFacts, forgetOtherImage } from './cloud-facts.ts';
import { readGuideline, type RequiredTest } from './guideline.ts';
import { interopReport, type InteropReport } from './report.ts';
import { runTempest, type TempestResult } from './tempest.ts';
import { tempestConf } from './tempest-conf.ts';

export interface InteropOptions {
  /** Data directory of a cloud that runs; else one is started and ended. */
  readonly dataPath?: string;
  /** Start a cloud on the models. It has no guests: what logs in to one is left out of its tests. */
  readonly simulated?: boolean;
  /** Only tests whose name matches one of these regular expressions; the guideline's when absent. */
  readonly regexes?: readonly string[];
  readonly only?: (test: RequiredTest) => boolean;
  readonly workers?: number;
  readonly deadlineMs?: number;
  readonly onResult?: (result: TempestResult) => void;
  /** Ends tempest, and then the cloud that was started for it. */
  readonly signal?: AbortSignal;
}

export interface InteropOutcome {
  readonly report: InteropReport;
  /** Everything that ran, also what no guideline names. */
  readonly results: readonly TempestResult[];
}

/** Tempest sleeps most of its time: a second between two looks at a state. */
const WORKERS = 4;
const DEADLINE_MS = 60 * 60_000;

export async function runInterop(options: InteropOptions): Promise<InteropOutcome> {
  const required = readGuideline().filter((test) => options.only?.(test) ?? true);
  await using cloud = options.dataPath === undefined ? await ownCloud(options) : undefined;
  const dataPath = options.dataPath ?? cloud?.dataPath ?? '';
  const directory = await mkdtemp(join(tmpdir(), 'pileus-interop-'));
  try {
    const facts = await cloudFacts(dataPath);
    const results = await runTempest({
      directory,
      conf: tempestConf(facts, directory, options.dataPath === undefined ? SECURITY_RULES : undefined),
      include: options.regexes ?? required.map(({ id }) => id),
      workers: options.workers ?? WORKERS,
      deadlineMs: options.deadlineMs ?? DEADLINE_MS,
      ...(options.onResult ? { onResult: options.onResult } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    return { report: interopReport(required, results), results };
  } finally {
    await forgetOtherImage(dataPath);
    await rm(directory, { recursive: true, force: true });
  }
}

/** Off as a rule, as upstream; the guideline's tests of lockout and password history want them on. */
const SECURITY_RULES = {
  lockoutFailureAttempts: 3,
  lockoutDurationSeconds: 5,
  uniqueLastPasswordCount: 2,
} as const;

async function ownCloud({
  simulated = false,
}: InteropOptions): Promise<AsyncDisposable & { dataPath: string }> {
  const dataPath = await mkdtemp(join(tmpdir(), 'pileus-'));
  const running = await up(
    { listen: '127.0.0.1:0', dataPath, simulated, tuning: { identity: { security: SECURITY_RULES } } },
    assemble,
  );
  return {
    dataPath,
    [Symbol.asyncDispose]: async () => {
      await running.close();
      await rm(dataPath, { recursive: true, force: true });
    },
  };
}

/** Installs tempest where it is missing. @throws Error when only root could */
export async function installTempest(): Promise<void> {
  if (findMissing(INTEROP_PACKAGES).length === 0) return;
  if (!isRoot())
    throw new Error('tempest is not installed, and only root can install it: apt-get install tempest');
  const title = 'Packages';
  const progress = process.stdout.isTTY ? liveProgress(process.stdout) : lineProgress(process.stdout);
  progress.begin(title, title);
  try {
    await installMissing(INTEROP_PACKAGES, {
      say: (text) => progress.say(title, text),
      at: (detail) => progress.at(title, detail),
      signal: AbortSignal.timeout(15 * 60_000),
    });
    progress.done(title);
  } finally {
    progress.close();
  }
}
