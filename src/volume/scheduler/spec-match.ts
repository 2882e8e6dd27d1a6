// Extra specs of a type against what a backend says of itself. Pure.
import type { BackendState } from './backend-state.ts';

/** What may be asked for, by the names that types use. */
export function capabilitiesOf({
  pool,
  stats,
}: Pick<BackendState, 'pool' | 'stats'>): Record<string, string> {
  return {
    volume_backend_name: pool,
    pool_name: pool,
    storage_protocol: stats.storageProtocol,
    vendor_name: stats.vendorName,
    driver_version: stats.driverVersion,
    multiattach: String(stats.multiattach),
    consistent_group_snapshot_enabled: String(stats.consistentGroups ?? false),
    thin_provisioning_support: String(stats.thinProvisioning),
    thick_provisioning_support: String(!stats.thinProvisioning),
    total_capacity_gb: String(stats.totalGb),
    free_capacity_gb: String(stats.freeGb),
    replication_enabled: 'false',
  };
}

/** The first spec that the backend does not meet, in words; undefined when it meets all. */
export function explainSpecs(
  backend: Pick<BackendState, 'pool' | 'stats'>,
  specs: Readonly<Record<string, string>>,
): string | undefined {
  const offered = capabilitiesOf(backend);
  for (const [key, wanted] of Object.entries(specs)) {
    const scope = key.includes(':') ? key.slice(0, key.indexOf(':')) : 'capabilities';
    if (scope !== 'capabilities') continue; // meant for others than the scheduler
    const name = key.slice(key.indexOf(':') + 1);
    const actual = Object.hasOwn(offered, name) ? offered[name] : undefined;
    if (actual === undefined || !fits(actual, wanted))
      return `${name} is ${actual ?? 'not known'}, not ${wanted}`;
  }
  return undefined;
}

/** The field's little language: `<is> True`, `<in> text`, `<or> a <or> b`, `s== text`, `>= 5`, or the value itself. */
function fits(actual: string, wanted: string): boolean {
  const [operator = '', ...rest] = wanted.trim().split(/\s+/);
  const operand = rest.join(' ');
  switch (operator) {
    case '<is>':
      return isTrue(actual) === isTrue(operand);
    case '<in>':
      return actual.includes(operand);
    case '<or>':
      return operand.split('<or>').some((each) => each.trim() === actual);
    case 's==':
      return actual === operand;
    case 's!=':
      return actual !== operand;
    case '=':
    case '>=':
      return Number(actual) >= Number(operand);
    case '<=':
      return Number(actual) <= Number(operand);
    case '==':
      return Number(actual) === Number(operand);
    case '!=':
      return Number(actual) !== Number(operand);
    default:
      return actual.toLowerCase() === wanted.trim().toLowerCase();
  }
}

const isTrue = (text: string): boolean => ['true', '1', 'yes', 'on', 't', 'y'].includes(text.toLowerCase());
