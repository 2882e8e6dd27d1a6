/** Counts the results of test files and tells them: a line a file, failures in full as they come. */
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

type Failure = Extract<TestEvent, { type: 'test:fail' }>['data'];
type FileResult = { passed: number; failed: number; skipped: number };

/** How many files the summary names, where the suite's time goes. */
const SLOWEST = 10;

/** Counts leaf tests: what node:test calls suites, and tests that only hold other tests, are not counted. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  readonly #root: string;
  readonly #files = new Map<string, FileResult>();
  readonly #skips: string[] = [];
  readonly #took = new Map<string, number>();

  constructor(root: string) {
    this.#root = root;
  }

  /** `path` is the file that was run: its tests may be written in another, which it shares with its likes. */
  take(event: TestEvent, path: string): void {
    switch (event.type) {
      case 'test:pass':
      case 'test:fail':
        return this.#count(event, path);
      case 'test:stderr':
        process.stderr.write(event.data.message);
        return;
      case 'test:summary':
        if (event.data.file !== undefined) this.#tellFile(path, event.data.duration_ms);
        return;
      default:
    }
  }

  #count(event: Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>, path: string): void {
    const { data } = event;
    if (data.details.type === 'suite' && event.type === 'test:pass') return;
    const file = this.#files.get(path) ?? { passed: 0, failed: 0, skipped: 0 };
    this.#files.set(path, file);
    if (data.skip !== undefined) {
      this.skipped += 1;
      file.skipped += 1;
      this.#skips.push(`${data.name}${typeof data.skip === 'string' ? ` (${data.skip})` : ''}`);
    } else if (event.type === 'test:pass' || data.todo !== undefined) {
      this.passed += 1;
      file.passed += 1;
    } else if (!isOnlyOfSubtests(event.data)) {
      this.failed += 1;
      file.failed += 1;
      this.#tellFailure(event.data);
    }
  }

  #tellFailure(data: Failure): void {
    const { error } = data.details;
    const cause =
      error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : inspect(error.cause);
    console.log(`FAILED ${this.#short(data.file)}:${data.line ?? 1}: ${data.name}`);
    console.log(`  ${cause.replaceAll('\n', '\n  ')}`);
  }

  #tellFile(path: string, durationMs: number): void {
    this.#took.set(path, durationMs);
    const { passed, failed, skipped } = this.#files.get(path) ?? { passed: 0, failed: 0, skipped: 0 };
    const parts = [`${passed} passed`];
    if (failed > 0) parts.push(`${failed} FAILED`);
    if (skipped > 0) parts.push(`${skipped} skipped`);
    console.log(
      `${failed > 0 ? 'BAD ' : 'ok  '} ${this.#short(path)}: ${parts.join(', ')} (${(durationMs / 1000).toFixed(1)} s)`,
    );
  }

  #short(path: string | undefined): string {
    return path?.startsWith(this.#root) ? path.slice(this.#root.length) : (path ?? 'a test');
  }

  failSuite(why: string): void {
    this.failed += 1;
    console.log(`FAILED ${why}`);
  }

  /** Its last line is what CI and people look for. */
  summary(): string {
    const slowest = [...this.#took]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, SLOWEST)
      .map(([path, ms]) => `slowest: ${(ms / 1000).toFixed(1).padStart(6)} s  ${this.#short(path)}\n`)
      .join('');
    const skips = this.#skips.map((skip) => `skipped: ${skip}\n`).join('');
    const howMany = this.skipped > 0 ? `${this.skipped} skipped\n` : '';
    return `${slowest}${skips}${howMany}${this.passed} passed, ${this.failed} failed`;
  }
}

function isOnlyOfSubtests({ details }: Failure): boolean {
  return 'failureType' in details.error && details.error.failureType === 'subtestsFailed';
}
