// The filters in their order (cheap refusals with plain reasons first) and the run over them. Pure.
import type { BackendFilter, BackendState, Rejection, SelectionRequest } from './backend-state.ts';
import { affinityFilter } from './filters/affinity.ts';
import { availabilityZoneFilter } from './filters/availability-zone.ts';
import { capabilitiesFilter } from './filters/capabilities.ts';
import { capacityFilter } from './filters/capacity.ts';
import { excludeFilter } from './filters/exclude.ts';
import { groupFilter } from './filters/group.ts';
import { serviceUpFilter } from './filters/service-up.ts';
import { sourceFilter } from './filters/source.ts';

const FILTERS: readonly BackendFilter[] = [
  excludeFilter,
  serviceUpFilter,
  availabilityZoneFilter,
  sourceFilter,
  groupFilter,
  affinityFilter,
  capabilitiesFilter,
  capacityFilter,
];

/** What one filter did: kept in the launch record. */
export interface FilterRound {
  readonly filter: string;
  readonly backends_in: number;
  readonly backends_out: ReadonlyArray<Rejection & { readonly backend: string }>;
}

export interface FilterResult {
  readonly survivors: readonly BackendState[];
  readonly rounds: readonly FilterRound[];
}

export function runFilters(backends: readonly BackendState[], request: SelectionRequest): FilterResult {
  let survivors = backends;
  const rounds: FilterRound[] = [];
  for (const filter of FILTERS) {
    const out: Array<Rejection & { backend: string }> = [];
    const kept: BackendState[] = [];
    for (const backend of survivors) {
      const rejection = filter.reject(backend, request);
      if (rejection) out.push({ backend: backend.name, ...rejection });
      else kept.push(backend);
    }
    rounds.push({ filter: filter.name, backends_in: survivors.length, backends_out: out });
    survivors = kept;
    if (survivors.length === 0) break;
  }
  return { survivors, rounds };
}

/** A sentence for the owner: how many backends there are and why none fits, without their names. */
export function refusalOf(backends: number, rounds: readonly FilterRound[]): string {
  if (backends === 0) return 'No storage backend is there: no volume service has reported one yet.';
  const reasons = new Map<string, number>();
  for (const { backends_out } of rounds)
    for (const { reason } of backends_out) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const parts = [...reasons].map(([reason, count]) => `${count} ${reason}`);
  return `No storage backend fits: 0 of ${backends} backends: ${parts.join(', ')}.`;
}
