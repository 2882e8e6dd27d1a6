// The hints same_host and different_host, which name volumes.
import type { BackendFilter } from '../backend-state.ts';

export const affinityFilter: BackendFilter = {
  name: 'affinity',
  reject: ({ name }, { sameAs, differentFrom }) => {
    if (sameAs && !sameAs.includes(name)) return { reason: 'has no volume of same_host' };
    if (differentFrom?.includes(name)) return { reason: 'has a volume of different_host' };
    return undefined;
  },
};
