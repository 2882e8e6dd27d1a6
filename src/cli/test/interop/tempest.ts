/** Runs Debian's tempest in a directory of its own and reads its results. Used by `pileus test interop`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';

export type Verdict = 'passed' | 'failed' | 'skipped';

export interface TempestResult {
  /** `tempest.api.….test_x`, or `setUpClass (tempest.api.…Class)`. */
  readonly name: string;
  readonly ids: readonly string[];
  readonly verdict: Verdict;
  /** Why it was skipped, or the end of what failed. */
  readonly why: string;
  /** Of what failed: all that tempest says. */
  readonly output?: string;
}

export interface LeftOut {
  /** The start of names. */
  readonly prefix: string;
  readonly why: string;
}

export interface TempestRun {
  /** Made when it is not there; holds tempest's log afterwards. */
  readonly directory: string;
  readonly conf: string;
  /** Regular expressions of tests, one a line; ids do. */
  readonly include: readonly string[];
  /** Not run, and told as skipped. */
  readonly leftOut?: readonly LeftOut[];
  readonly workers: number;
  readonly deadlineMs: number;
  readonly onResult?: (result: TempestResult) => void;
  readonly signal?: AbortSignal;
}

const TEMPEST = '/usr/lib/python3/dist-packages/tempest';

/**
 * Debian's package, unlike upstream's, sleeps ten seconds before each deletion of a subnet, for clouds whose ports take that
 * long to go: hundreds of seconds of a run. Python reads this file at its start.
 */
const SITE_CUSTOMIZE = `
import importlib.abc, importlib.util, sys

class NoNap(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != 'tempest.lib.services.network.subnets_client':
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            if hasattr(module, 'time'):
                module.time = type('NoTime', (), {'sleep': staticmethod(lambda seconds: None)})
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, NoNap())
`;

/** @throws CommandError when tempest itself could not run */
export async function runTempest(run: TempestRun): Promise<readonly TempestResult[]> {
  const { directory } = run;
  for (const each of ['', 'etc', 'logs', 'lock']) await mkdir(join(directory, each), { recursive: true });
  await writeFile(join(directory, 'etc/tempest.conf'), run.conf, { mode: 0o600 });
  await writeFile(
    join(directory, '.stestr.conf'),
    `[DEFAULT]\ntest_path=${TEMPEST}/test_discover\ntop_dir=${TEMPEST}\ngroup_regex=([^\\.]*\\.)*\n`,
  );
  await writeFile(join(directory, 'sitecustomize.py'), SITE_CUSTOMIZE);
  await writeFile(join(directory, 'include.txt'), `${run.include.join('\n')}\n`);
  const leftOut = run.leftOut ?? [];
  const exclude = leftOut.map(({ prefix }) => `^${prefix.replaceAll('.', String.raw`\.`)}`);
  await writeFile(join(directory, 'exclude.txt'), `${['^$', ...exclude].join('\n')}\n`);
  const which = ['--include-list', 'include.txt'];
  const options = {
    cwd: directory,
    signal: run.signal,
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin', // Debian's Python, whatever else is installed
      PYTHONPATH: directory,
      TEMPEST_CONFIG_DIR: join(directory, 'etc'),
      TEMPEST_CONFIG: 'tempest.conf',
    },
  };
  await runCommand(['stestr', 'init'], { ...options, deadlineMs: LIST_DEADLINE_MS });
  const listed = await runCommand(['stestr', 'list', ...which], { ...options, deadlineMs: LIST_DEADLINE_MS });
  const ids = idsByName(listed.stdout);
  const results: TempestResult[] = [];
  const { code, stderr, stdout } = await runCommand(
    ['stestr', 'run', ...which, '--exclude-list', 'exclude.txt', '--concurrency', String(run.workers)],
    {
      ...options,
      deadlineMs: run.deadlineMs,
      okCodes: [0, 1],
      onLine: (line) => {
        const result = resultOf(line, ids);
        if (!result) return;
        results.push(result);
        run.onResult?.(result);
      },
    },
  );
  if (results.length === 0)
    throw new Error(`tempest ran no test (exit ${code}): ${(stderr || stdout).slice(-2000)}`);
  return spreadOverClasses(withReasons(results, stdout), ids, leftOut);
}

const LIST_DEADLINE_MS = 120_000; // it loads every test

/** Of lines as `tempest.api.x.Y.test_z[id-…,smoke]`: results come without what is in the brackets. */
export function idsByName(listing: string): ReadonlyMap<string, readonly string[]> {
  const lines = listing.split('\n').flatMap((line) => {
    const match = /^(tempest\S*)\[([^\]]*)\]$/.exec(line.trim());
    if (!match) return [];
    const [, name = '', attributes = ''] = match;
    const ids = attributes.split(',').filter((each) => each.startsWith('id-'));
    return [[name, ids.map((each) => each.slice(3))] as const];
  });
  return new Map(lines);
}

/** `{0} tempest.api.x.Y.test_z [0.12s] ... ok` */
const LINE = /^\{\d+\} (.+?)(?: \[[\d.]+s\])? \.\.\. (ok|FAILED|SKIPPED)(?:: (.*))?$/;

export function resultOf(
  line: string,
  ids: ReadonlyMap<string, readonly string[]> = new Map(),
): TempestResult | undefined {
  const match = LINE.exec(line.trimEnd());
  if (!match) return undefined;
  const [, name = '', word, why = ''] = match;
  return {
    name,
    ids: ids.get(name) ?? [],
    verdict: word === 'ok' ? 'passed' : word === 'FAILED' ? 'failed' : 'skipped',
    why,
  };
}

/**
 * A class that is skipped or fails before its tests is one result, though it stands for all of them: each gets it, and what
 * was listed and has no result at all failed.
 */
export function spreadOverClasses(
  results: readonly TempestResult[],
  listed: ReadonlyMap<string, readonly string[]>,
  leftOut: readonly LeftOut[] = [],
): readonly TempestResult[] {
  const ran = new Set(results.map(({ name }) => name));
  const setUps = new Map(
    results.flatMap((result) => {
      const [, of] = /^setUpClass \((.+)\)$/.exec(result.name) ?? [];
      return of === undefined ? [] : [[of, result] as const];
    }),
  );
  const spread = [...listed].flatMap(([name, ids]): TempestResult[] => {
    if (ran.has(name)) return [];
    const out = leftOut.find(({ prefix }) => name.startsWith(prefix));
    if (out) return [{ name, ids, verdict: 'skipped', why: out.why }];
    const setUp = setUps.get(name.slice(0, name.lastIndexOf('.')));
    if (!setUp) return [{ name, ids, verdict: 'failed', why: 'it did not run' }];
    return [{ ...setUp, name, ids, why: setUp.verdict === 'failed' ? `its class: ${setUp.why}` : setUp.why }];
  });
  return [...results.filter(({ name }) => !name.startsWith('setUpClass (')), ...spread];
}

const REASON_LINES = 4;

/** What failed is told after the list of results, in a paragraph for each that begins with its name. */
function withReasons(results: readonly TempestResult[], text: string): readonly TempestResult[] {
  return results.map((result) => {
    if (result.verdict !== 'failed') return result;
    const at = text.lastIndexOf(`${result.name}`);
    const paragraph = text.slice(at, at + 20_000).split(/\n(?:tempest\.|setUpClass|={5,})/)[0] ?? '';
    const telling = paragraph
      .split('\n')
      .map((line) => line.trim())
      .filter((line) =>
        /^(Details:|[\w.]*(Error|Exception|Mismatch|Timeout)\w*[:(]|tempest\.lib\.exceptions|testtools\.)/.test(
          line,
        ),
      );
    return { ...result, why: telling.slice(-REASON_LINES).join(' ').slice(0, 800), output: paragraph };
  });
}
