// Room for the volume: real room, and on thin backends what may be promised beyond it.
import type { BackendFilter } from '../backend-state.ts';

export const capacityFilter: BackendFilter = {
  name: 'capacity',
  reject: ({ stats, promisedGb }, { sizeGb }) => {
    if (stats.freeGb <= 0) return { reason: 'is full' };
    if (!stats.thinProvisioning)
      return sizeGb > stats.freeGb
        ? { reason: 'has too little room', detail: `${sizeGb} GiB wanted, ${Math.floor(stats.freeGb)} free` }
        : undefined;
    const most = stats.totalGb * stats.maxOverSubscriptionRatio;
    return promisedGb + sizeGb > most
      ? {
          reason: 'has promised too much already',
          detail: `${promisedGb} GiB promised and ${sizeGb} wanted of ${Math.floor(most)}`,
        }
      : undefined;
  },
};
