// Hosts with an aggregate whose metadata meets the flavor's `aggregate_instance_extra_specs:` (or bare) extra specs.
import { capabilityKey } from '../capabilities.ts';
import type { HostFilter, HostState } from '../host-state.ts';
import { specMatches } from '../spec-match.ts';

const SCOPE = 'aggregate_instance_extra_specs:';

export const aggregateExtraSpecsFilter: HostFilter = {
  name: 'aggregate-extra-specs',
  reject: (host, { flavor }) => {
    for (const [key, wanted] of Object.entries(flavor.extra_specs)) {
      const name = aggregateKey(host, key);
      if (name === undefined) continue;
      const values = host.aggregates.flatMap((aggregate) => aggregate.metadata[name] ?? []);
      // A key of several aggregates holds when one of them fits; commas separate values, as upstream.
      if (!values.flatMap((value) => value.split(',')).some((value) => specMatches(value.trim(), wanted)))
        return { reason: `no aggregate with ${name}=${wanted}` };
    }
    return undefined;
  },
};

function aggregateKey(host: HostState, key: string): string | undefined {
  if (key.startsWith(SCOPE)) return key.slice(SCOPE.length);
  return key.includes(':') || capabilityKey(host, key) !== undefined ? undefined : key;
}
