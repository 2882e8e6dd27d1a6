// Records which operations succeed in which test file, for the index of the APIs: `pileus test --record-coverage`.
// test/support/record-operations.ts is in the processes of the tests and writes what this reads.
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../api-index/collect.ts';
import type { Operation } from '../api-index/operation.ts';
import {
  mergeRecords,
  parseOperation,
  readTestedBy,
  writeTestedBy,
  type Ran,
} from '../api-index/tested-by.ts';
import { withRecorder } from '../config.ts';

const RECORDER = pathToFileURL(join(ROOT, 'test/support/record-operations.ts')).href;
/** What these ask is an attack: an answer of 200 to one proves nothing of what the operation is for. */
const ATTACKS = 'test/hostile/';

/** Of a file that ran in part, what was known stays beside what is new; of one that failed, it stays alone. */
export type Outcome = 'whole' | 'in part' | 'failed';

export class CoverageRecord {
  readonly #ran = new Map<string, Ran>();

  /**
   * Runs a test file with the recorder in its processes.
   * @param run gets their environment
   */
  async take(file: string, run: (env: NodeJS.ProcessEnv) => Promise<Outcome>): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'pileus-record-'));
    try {
      const outcome = await run(withRecorder(RECORDER, directory));
      const path = relative(ROOT, file);
      if (outcome === 'failed' || path.startsWith(ATTACKS)) return;
      this.#ran.set(path, { operations: read(directory), isWhole: outcome === 'whole' });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Into the file behind docs/api-index.md. */
  write(): void {
    writeTestedBy(mergeRecords(readTestedBy(), this.#ran));
  }
}

function read(directory: string): Operation[] {
  const lines = globSync(join(directory, '*.txt')).flatMap((path) =>
    readFileSync(path, 'utf8').trim().split('\n'),
  );
  return lines.flatMap((line) => parseOperation(line) ?? []);
}
