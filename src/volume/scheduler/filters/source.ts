// A clone is made where its source is.
import type { BackendFilter } from '../backend-state.ts';

export const sourceFilter: BackendFilter = {
  name: 'source',
  reject: ({ name }, { sourceHost }) =>
    sourceHost !== undefined && sourceHost !== name ? { reason: 'does not hold its source' } : undefined,
};
