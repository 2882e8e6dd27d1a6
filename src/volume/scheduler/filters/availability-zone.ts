// The zone of the volume; a type may allow only some zones.
import type { BackendFilter } from '../backend-state.ts';

export const availabilityZoneFilter: BackendFilter = {
  name: 'availability-zone',
  reject: ({ zone }, { zone: wanted, extraSpecs }) => {
    if (zone !== wanted) return { reason: 'is in another zone', detail: `${zone}, not ${wanted}` };
    const allowed = extraSpecs['RESKEY:availability_zones']?.split(',').map((each) => each.trim());
    if (allowed && !allowed.includes(zone)) return { reason: 'is in a zone that the type excludes' };
    return undefined;
  },
};
