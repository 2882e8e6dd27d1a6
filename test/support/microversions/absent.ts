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
  absent(
    '2.4',
    'reserved in os-fixed-ips',
    noPath('GET', () => '/os-fixed-ips/10.0.0.1'),
  ),
  absent(
    '2.12',
    'net_id in virtual interfaces',
    noPath('GET', ({ server }) => `/servers/${server}/os-virtual-interfaces`),
  ),
  absent('2.25', 'block_migration auto in live migration', liveMigrate),
  absent('2.30', 'force in live migration', liveMigrate),
  absent('2.34', 'checks of live migration in the background', liveMigrate),
  absent('2.65', 'abort of queued live migrations', liveMigrate),
  absent(
    '2.69',
    'minimal answers for cells that are down: there is one cell',
    noPath('GET', () => '/os-cells'),
  ),
  absent(
    '2.72',
    'ports with resource requests',
    noPath('GET', () => `/os-networks/${NETWORK}`),
  ),
];
