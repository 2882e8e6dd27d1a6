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

/** A skip is no pass, nor is a test that did not run: its class did not get that far, or tempest does not know it. */
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
  { id, name }: RequiredTest,
  results: readonly TempestResult[],
): { verdict: 'passed' | 'failed' | 'skipped'; why: string } {
  const own = results.filter(({ ids }) => ids.includes(id));
  const bad =
    own.find(({ verdict }) => verdict === 'failed') ?? own.find(({ verdict }) => verdict === 'skipped');
  if (bad) return { verdict: bad.verdict === 'failed' ? 'failed' : 'skipped', why: bad.why };
  if (own.length > 0) return { verdict: 'passed', why: '' };
  const className = name.slice(0, name.lastIndexOf('.'));
  const setUp = results.find((each) => each.name.includes(`(${className})`) && each.verdict !== 'passed');
  if (!setUp) return { verdict: 'failed', why: 'it did not run' };
  return { verdict: setUp.verdict === 'skipped' ? 'skipped' : 'failed', why: `its class: ${setUp.why}` };
}

/** For people: a table and what is missing; the last line is `N passed, N failed`. */
export function reportText({ services, missed, passed, failed }: InteropReport): string {
  const rows = services
    .filter((each) => each.passed + each.failed + each.skipped > 0)
    .map(
      (each) =>
        `${each.service.padEnd(10)} ${String(each.passed).padStart(4)} passed ${String(each.failed).padStart(4)} failed ${String(each.skipped).padStart(4)} skipped`,
    );
  const why = missed.map(({ test, verdict, why: reason }) => `${verdict}: ${test.name}\n    ${reason}`);
  return [...why, ...rows, `${passed} passed, ${failed} failed`].join('\n');
}

/** The same of a run that is no guideline's. */
export function resultsText(results: readonly TempestResult[]): string {
  const of = (verdict: TempestResult['verdict']): readonly TempestResult[] =>
    results.filter((each) => each.verdict === verdict);
  const why = [...of('skipped'), ...of('failed')].map(
    (each) => `${each.verdict}: ${each.name}\n    ${each.why}`,
  );
  return [
    ...why,
    `${of('skipped').length} skipped`,
    `${of('passed').length} passed, ${of('failed').length} failed`,
  ].join('\n');
}
