// Services that were heard of lately and that no administrator has disabled.
import type { BackendFilter } from '../backend-state.ts';

export const serviceUpFilter: BackendFilter = {
  name: 'service-up',
  reject: ({ up, enabled }) => {
    if (!enabled) return { reason: 'is disabled' };
    return up ? undefined : { reason: 'is down' };
  },
};
