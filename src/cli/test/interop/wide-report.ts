/**
 * Tells of a run beyond the guideline: by service what passed, failed and was skipped, and of each that did not pass whether
 * the table of known misses says why. Pure.
 */
import { findKnownMiss, type KnownMiss } from './known.ts';
import { countsRow } from './report.ts';
import type { TempestResult, Verdict } from './tempest.ts';

interface WideTest {
  readonly service: string;
  readonly name: string;
  readonly verdict: Verdict;
  /** Tempest's word for it; empty of what passed. */
  readonly why: string;
  /** Our reason, of what the table knows. */
  readonly known?: string;
  readonly output?: string;
}

export interface WideReport {
  readonly simulated: boolean;
  readonly services: ReadonlyArray<{
    readonly service: string;
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
  }>;
  readonly tests: readonly WideTest[];
  /** Lines of the table whose tests all passed: it may only shrink. */
  readonly outdated: readonly string[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What did not pass and is not in the table. */
  readonly unexplained: number;
}

export function wideReport(
  results: readonly TempestResult[],
  known: readonly KnownMiss[],
  simulated: boolean,
): WideReport {
  const judged = results.map((result) => ({ result, miss: findKnownMiss(known, result.name, simulated) }));
  const tests = judged.map(({ result: { name, verdict, why, output }, miss }): WideTest => ({
    service: serviceOf(name),
    name,
    verdict,
    why,
    ...(miss && verdict !== 'passed' ? { known: miss.reason } : {}),
    ...(output === undefined ? {} : { output }),
  }));
  const passedUnder = (each: KnownMiss): boolean => {
    const own = judged.filter(({ miss }) => miss === each);
    return own.length > 0 && own.every(({ result }) => result.verdict === 'passed');
  };
  const counts = (of: readonly WideTest[]): { passed: number; failed: number; skipped: number } => ({
    passed: of.filter(({ verdict }) => verdict === 'passed').length,
    failed: of.filter(({ verdict }) => verdict === 'failed').length,
    skipped: of.filter(({ verdict }) => verdict === 'skipped').length,
  });
  const services = [...new Set(tests.map(({ service }) => service))].toSorted();
  return {
    simulated,
    services: services.map((service) => ({
      service,
      ...counts(tests.filter((each) => each.service === service)),
    })),
    tests,
    outdated: known.filter(passedUnder).map(({ prefix }) => prefix),
    ...counts(tests),
    unexplained: tests.filter((each) => each.verdict !== 'passed' && each.known === undefined).length,
  };
}

/** `tempest.api.volume.…` is of `volume`, `tempest.scenario.…` of `scenario`; also inside `tearDownClass (…)`. */
function serviceOf(name: string): string {
  const [, , api, scenario] = /(^|\()tempest\.(?:api\.(\w+)|(\w+))/.exec(name) ?? [];
  return api ?? scenario ?? 'other';
}

/** For people. What has the same reason is told once, with the names below; the last line is `N passed, N failed`. */
export function wideReportText(report: WideReport): string {
  const missed = report.tests.filter(({ verdict }) => verdict !== 'passed');
  const groups = Map.groupBy(missed, ({ verdict, known, why }) =>
    known === undefined ? `new, ${verdict}: ${why}` : `known, ${verdict}: because ${known}`,
  );
  const why = [...groups]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([title, tests]) => `${title}\n${tests.map(({ name }) => `    ${name}`).join('\n')}`);
  return [
    ...why,
    ...report.outdated.map((prefix) => `passes, though the table knows a reason: ${prefix}`),
    ...report.services.map((each) => countsRow(each.service, each)),
    `${report.skipped} skipped, ${report.unexplained} without a reason in the table`,
    `${report.passed} passed, ${report.failed} failed`,
  ].join('\n');
}
