// The weighers and the order they give. Pure.
import type { BackendState, BackendWeigher, SelectionRequest } from './backend-state.ts';
import { allocatedWeigher } from './weighers/allocated.ts';
import { freeCapacityWeigher } from './weighers/free-capacity.ts';

const WEIGHERS: ReadonlyArray<BackendWeigher & { readonly multiplier: number }> = [
  { ...freeCapacityWeigher, multiplier: 1 },
  { ...allocatedWeigher, multiplier: 1 },
];

export interface WeighedBackend {
  readonly backend: BackendState;
  readonly weight: number;
  /** Share of each weigher, after its multiplier. */
  readonly parts: Readonly<Record<string, number>>;
}

/** Best first; of equals the one whose name comes first, so that a run can be repeated. */
export function weighBackends(
  backends: readonly BackendState[],
  request: SelectionRequest,
): WeighedBackend[] {
  const parts = backends.map((): Record<string, number> => ({}));
  for (const { name, weigh, multiplier } of WEIGHERS) {
    const raw = backends.map((backend) => weigh(backend, request));
    const low = Math.min(...raw);
    const span = Math.max(...raw) - low;
    raw.forEach((value, i) => {
      const share = span === 0 ? 0 : ((value - low) / span) * multiplier;
      if (share !== 0) parts[i]![name] = round(share); // one a backend
    });
  }
  return backends
    .map((backend, i) => {
      const own = parts[i] ?? {};
      return { backend, parts: own, weight: round(Object.values(own).reduce((a, b) => a + b, 0)) };
    })
    .toSorted((a, b) => b.weight - a.weight || a.backend.name.localeCompare(b.backend.name));
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
