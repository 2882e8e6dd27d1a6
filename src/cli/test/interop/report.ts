/** Holds tempest's results against the guideline: by service what passed, failed, was skipped or never ran. Pure. */
import { SERVICES, type InteropService, type RequiredTest } from './guideline.ts';
import type { TempestResult } from './tempest.ts';

export interface ServiceReport {
  readonly service: InteropService;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface InteropReport {
  readonly services: readonly ServiceReport[];
  /** Required tests that did not pass, each with its reason. */
  readonly missed: ReadonlyArray<{
    readonly test: RequiredTest;
    readonly verdict: 'failed' | 'skipped';
    readonly why: string;
  }>;
  readonly passed: number;
  readonly failed: number;
}

/** A skip is no pass, nor is a test that did not run: tempest does not know it. */
export function interopReport(
  required: readonly RequiredTest[],
  results: readonly TempestResult[],
): InteropReport {
  const judged = required.map((test) => ({ test, ...judge(test, results) }));
  const missed = judged.flatMap(({ test, verdict, why }) =>
    verdict === 'passed' ? [] : [{ test, verdict, why }],
  );
  const services = SERVICES.map((service) => {
    const count = (verdict: string): number =>
      judged.filter((each) => each.test.service === service && each.verdict === verdict).length;
    return { service, passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
  });
  return { services, missed, passed: judged.length - missed.length, failed: missed.length };
}

/** One id can be several tests (classes that inherit it): all of them must pass. */
function judge(
  { id }: RequiredTest,
  results: readonly TempestResult[],
): { verdict: 'passed' | 'failed' | 'skipped'; why: string } {
  const own = results.filter(({ ids }) => ids.includes(id));
  const bad =
    own.find(({ verdict }) => verdict === 'failed') ?? own.find(({ verdict }) => verdict === 'skipped');
  if (bad) return { verdict: bad.verdict, why: bad.why };
  return own.length > 0 ? { verdict: 'passed', why: '' } : { verdict: 'failed', why: 'it did not run' };
}

/** For people: a table and what is missing; the last line is `N passed, N failed`. */
export function reportText({ services, missed, passed, failed }: InteropReport): string {
  const rows = services
    .filter((each) => each.passed + each.failed + each.skipped > 0)
    .map((each) => countsRow(each.service, each));
  const why = missed.map(({ test, verdict, why: reason }) => `${verdict}: ${test.name}\n    ${reason}`);
  return [...why, ...rows, `${passed} passed, ${failed} failed`].join('\n');
}

export function countsRow(service: string, counts: Omit<ServiceReport, 'service'>): string {
  const column = (number: number): string => String(number).padStart(4);
  return `${service.padEnd(10)} ${column(counts.passed)} passed ${column(counts.failed)} failed ${column(counts.skipped)} skipped`;
}
