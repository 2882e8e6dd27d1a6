// Hosts that placement offers: enough of each resource, the traits asked for.
import type { HostFilter, PlacementRefusal, Rejection } from '../host-state.ts';

export const placementFilter: HostFilter = {
  name: 'placement',
  reject: (host) => (host.refusals[0] ? rejectionOf(host.refusals[0]) : undefined),
};

function rejectionOf(refusal: PlacementRefusal): Rejection {
  switch (refusal.kind) {
    case 'shortage': {
      const { resourceClass, needed, free, reason, limit } = refusal.shortage;
      if (reason === 'capacity' && free !== null)
        return { reason: `not enough ${resourceClass}`, needed, free };
      if (reason === 'max-unit' && limit !== undefined)
        return { reason: `too small for so much ${resourceClass}`, needed, free: limit };
      if (reason === 'no-inventory') return { reason: `no ${resourceClass}` };
      return {
        reason: `${resourceClass} not in this amount`,
        detail: `${needed} against ${reason} ${limit}`,
      };
    }
    case 'missing-trait':
      return { reason: `without trait ${refusal.traits.join(' or ')}` };
    case 'forbidden-trait':
      return { reason: `with forbidden trait ${refusal.trait}` };
    case 'aggregate':
      return { reason: 'not in the aggregate asked for' };
    case 'combination':
      return { reason: 'resources not together' };
  }
}
