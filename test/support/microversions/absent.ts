// Rows of compute's microversions that concern what this cloud does not have (docs/limits.md).
import { noPath, type Row } from './row.ts';

const NETWORK = 'aaaaaaaa-0000-4000-8000-00000000000a';

const absent = (version: Row['version'], change: string, check: Row['check']): Row => ({
  version,
  change,
  proof: 'absent',
  check,
});

export const absentRows: readonly Row[] = [
  absent(
    '2.72',
    'ports with resource requests',
    noPath('GET', () => `/os-networks/${NETWORK}`),
  ),
];
