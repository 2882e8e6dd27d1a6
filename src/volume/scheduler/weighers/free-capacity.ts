// Most room to promise first, so that backends fill evenly.
import type { BackendWeigher } from '../backend-state.ts';

export const freeCapacityWeigher: BackendWeigher = {
  name: 'free-capacity',
  weigh: ({ stats, promisedGb }) =>
    stats.thinProvisioning ? stats.totalGb * stats.maxOverSubscriptionRatio - promisedGb : stats.freeGb,
};
