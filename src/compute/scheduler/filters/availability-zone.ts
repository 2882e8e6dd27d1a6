// Hosts in the zone asked for.
import type { HostFilter } from '../host-state.ts';

export const availabilityZoneFilter: HostFilter = {
  name: 'availability-zone',
  reject: (host, request) =>
    request.zone === null || host.zone === request.zone
      ? undefined
      : { reason: `not in zone ${request.zone}`, detail: `in zone ${host.zone}` },
};
