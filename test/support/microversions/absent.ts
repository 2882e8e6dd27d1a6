// Rows of compute's microversions that concern what this cloud does not have (docs/limits.md).
import { noAction, noPath, type Row } from './row.ts';

const NETWORK = 'aaaaaaaa-0000-4000-8000-00000000000a';
const liveMigrate = noAction({ 'os-migrateLive': { host: null } });

const absent = (version: Row['version'], change: string, check: Row['check']): Row => ({
  version,
  change,
  proof: 'absent',
  check,
});

export const absentRows: readonly Row[] = [
  absent('2.25', 'block_migration auto in live migration', liveMigrate),
  absent('2.30', 'force in live migration', liveMigrate),
  absent('2.34', 'checks of live migration in the background', liveMigrate),
  absent('2.65', 'abort of queued live migrations', liveMigrate),
  absent(
    '2.72',
    'ports with resource requests',
    noPath('GET', () => `/os-networks/${NETWORK}`),
  ),
];
