// Backends where this volume could not be made a moment ago.
import type { BackendFilter } from '../backend-state.ts';

export const excludeFilter: BackendFilter = {
  name: 'exclude',
  reject: ({ service }, { exclude }) =>
    exclude.includes(service) ? { reason: 'failed to make it already' } : undefined,
};
