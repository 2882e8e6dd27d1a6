/** The list of tests that an interop guideline requires, as data beside this file. Used by `pileus test interop`. */
import { readFileSync } from 'node:fs';

/** Services of the list, in the order of the report. */
export const SERVICES = ['identity', 'compute', 'image', 'network', 'volume'] as const;
export type InteropService = (typeof SERVICES)[number];

export interface RequiredTest {
  readonly service: InteropService;
  /** Tempest's idempotent id: the same whatever a release calls the test. One id can be several tests. */
  readonly id: string;
  /** The name of one test with that id. */
  readonly name: string;
}

export function readGuideline(
  file: string | URL = new URL('guideline-2022.11.txt', import.meta.url),
): readonly RequiredTest[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [service, id, name] = line.split(' ');
      if (!SERVICES.some((each) => each === service) || id === undefined || name === undefined)
        throw new Error(`no line of a guideline: ${line}`);
      return { service: service as InteropService, id, name };
    });
}
