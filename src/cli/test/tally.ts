/** Counts the results of test files and tells them: a line a file, failures in full as they come. */
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

type Failure = Extract<TestEvent, { type: 'test:fail' }>['data'];
type FileResult = { passed: number; failed: number; skipped: number; failures: string[]; skips: string[] };

/** How many files the summary names, where the suite's time goes. */
const SLOWEST = 10;

/** Counts leaf tests: what node:test calls suites, and tests that only hold other tests, are not counted. */
export class Tally {
  readonly #root: string;
  readonly #files = new Map<string, FileResult>();
  readonly #took = new Map<string, number>();
  /** What failed in files that were run again. */
  readonly #unsteady = new Map<string, readonly string[]>();
  readonly #ofSuite: string[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  get passed(): number {
    return this.#sum((file) => file.passed);
  }

  get failed(): number {
    return this.#sum((file) => file.failed) + this.#ofSuite.length;
  }

  get skipped(): number {
    return this.#sum((file) => file.skipped);
  }

  #sum(of: (file: FileResult) => number): number {
    return [...this.#files.values()].reduce((sum, file) => sum + of(file), 0);
  }

  /** Files in which something failed, in the order in which they ended. */
  failedFiles(): string[] {
    return [...this.#files].filter(([, file]) => file.failed > 0).map(([path]) => path);
  }

  /** The file is about to be run again: what it said is not counted any more, and what failed is told in the end. */
  forget(path: string): void {
    this.#unsteady.set(path, this.#files.get(path)?.failures ?? []);
    this.#files.delete(path);
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
    const file = this.#files.get(path) ?? { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
    this.#files.set(path, file);
    if (data.skip !== undefined) {
      file.skipped += 1;
      file.skips.push(`${data.name}${typeof data.skip === 'string' ? ` (${data.skip})` : ''}`);
    } else if (event.type === 'test:pass' || data.todo !== undefined) {
      file.passed += 1;
    } else if (!isOnlyOfSubtests(event.data)) {
      file.failed += 1;
      file.failures.push(this.#tellFailure(event.data));
    }
  }

  /** @returns where it failed, in a line */
  #tellFailure(data: Failure): string {
    const { error } = data.details;
    const cause =
      error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : inspect(error.cause);
    const place = `${this.#short(data.file)}:${data.line ?? 1}: ${data.name}`;
    console.log(`FAILED ${place}`);
    console.log(`  ${cause.replaceAll('\n', '\n  ')}`);
    return place;
  }

  #tellFile(path: string, durationMs: number): void {
    this.#took.set(path, durationMs);
    const { passed = 0, failed = 0, skipped = 0 } = this.#files.get(path) ?? {};
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
    this.#ofSuite.push(why);
    console.log(`FAILED ${why}`);
  }

  /** What failed stands here once more, for who sees the end of a log alone. The last line is what CI and people look for. */
  summary(): string {
    const slowest = [...this.#took]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, SLOWEST)
      .map(([path, ms]) => `slowest: ${(ms / 1000).toFixed(1).padStart(6)} s  ${this.#short(path)}`);
    const files = [...this.#files.values()];
    const unsteady = [...this.#unsteady]
      .filter(([path]) => this.#files.get(path)?.failed === 0)
      .flatMap(([, failures]) => failures.map((place) => `unsteady, passed alone: ${place}`));
    return [
      ...slowest,
      ...files.flatMap(({ skips }) => skips.map((skip) => `skipped: ${skip}`)),
      ...unsteady,
      ...[...files.flatMap(({ failures }) => failures), ...this.#ofSuite].map((place) => `failed: ${place}`),
      ...(this.skipped > 0 ? [`${this.skipped} skipped`] : []),
      `${this.passed} passed, ${this.failed} failed`,
    ].join('\n');
  }
}

function isOnlyOfSubtests({ details }: Failure): boolean {
  return 'failureType' in details.error && details.error.failureType === 'subtestsFailed';
}
