// The filters in their order (cheap refusals with plain reasons first, placement's arithmetic last) and the run over them. Pure.
import { aggregateExtraSpecsFilter } from './filters/aggregate-extra-specs.ts';
import { aggregateTenancyFilter } from './filters/aggregate-tenancy.ts';
import { availabilityZoneFilter } from './filters/availability-zone.ts';
import { computeCapabilitiesFilter } from './filters/compute-capabilities.ts';
import { computeUpFilter } from './filters/compute-up.ts';
import { differentHostFilter } from './filters/different-host.ts';
import { excludeFilter } from './filters/exclude.ts';
import { imagePropertiesFilter } from './filters/image-properties.ts';
import { placementFilter } from './filters/placement.ts';
import { requestedHostFilter } from './filters/requested-host.ts';
import { sameHostFilter } from './filters/same-host.ts';
import { serverGroupAffinityFilter } from './filters/server-group-affinity.ts';
import { serverGroupAntiAffinityFilter } from './filters/server-group-anti-affinity.ts';
import type { HostFilter, HostState, Rejection, SelectionRequest } from './host-state.ts';

export const FILTERS: readonly HostFilter[] = [
  excludeFilter,
  requestedHostFilter,
  computeUpFilter,
  availabilityZoneFilter,
  aggregateTenancyFilter,
  imagePropertiesFilter,
  computeCapabilitiesFilter,
  aggregateExtraSpecsFilter,
  serverGroupAffinityFilter,
  serverGroupAntiAffinityFilter,
  sameHostFilter,
  differentHostFilter,
  placementFilter,
];

export interface RejectedHost extends Rejection {
  readonly host: string;
}

/** What one filter did: kept in the launch record. */
export interface FilterRound {
  readonly filter: string;
  readonly hosts_in: number;
  readonly hosts_out: readonly RejectedHost[];
}

export interface FilterResult {
  readonly survivors: readonly HostState[];
  readonly rounds: readonly FilterRound[];
}

export function runFilters(
  hosts: readonly HostState[],
  request: SelectionRequest,
  filters: readonly HostFilter[] = FILTERS,
): FilterResult {
  let survivors = hosts;
  const rounds: FilterRound[] = [];
  for (const filter of filters) {
    const out: RejectedHost[] = [];
    const kept: HostState[] = [];
    for (const host of survivors) {
      const rejection = filter.reject(host, request);
      if (rejection) out.push({ host: host.host, ...rejection });
      else kept.push(host);
    }
    rounds.push({ filter: filter.name, hosts_in: survivors.length, hosts_out: out });
    survivors = kept;
    if (survivors.length === 0) break;
  }
  return { survivors, rounds };
}
