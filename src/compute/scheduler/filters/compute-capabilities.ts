// Hosts whose capabilities meet the flavor's `capabilities:` extra specs.
import { capabilityKey, capabilityOf } from '../capabilities.ts';
import type { HostFilter } from '../host-state.ts';
import { specMatches } from '../spec-match.ts';

export const computeCapabilitiesFilter: HostFilter = {
  name: 'compute-capabilities',
  reject: (host, { flavor }) => {
    for (const [key, wanted] of Object.entries(flavor.extra_specs)) {
      const name = capabilityKey(host, key);
      if (name === undefined) continue;
      const have = capabilityOf(host, name);
      if (have === undefined || !specMatches(have, wanted))
        return {
          reason: `capability ${name} not as the flavor asks`,
          detail: `wants ${wanted}, has ${have ?? 'none'}`,
        };
    }
    return undefined;
  },
};
