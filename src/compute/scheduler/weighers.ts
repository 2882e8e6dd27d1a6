// The weighers and the order they give. Pure.
import type { HostState, HostWeigher, SelectionRequest, WeigherName } from './host-state.ts';
import { buildsWeigher } from './weighers/builds.ts';
import { cpuWeigher } from './weighers/cpu.ts';
import { diskWeigher } from './weighers/disk.ts';
import { ramWeigher } from './weighers/ram.ts';
import { softAffinityWeigher } from './weighers/soft-affinity.ts';
import { softAntiAffinityWeigher } from './weighers/soft-anti-affinity.ts';

export const WEIGHERS: readonly HostWeigher[] = [
  ramWeigher,
  cpuWeigher,
  diskWeigher,
  softAffinityWeigher,
  softAntiAffinityWeigher,
  buildsWeigher,
];

export type Multipliers = Readonly<Record<WeigherName, number>>;

/** What a group or a storm of builds asks for outweighs the evening out of memory, CPUs and disk together. */
export const DEFAULT_MULTIPLIERS: Multipliers = {
  ram: 1,
  cpu: 1,
  disk: 1,
  'soft-affinity': 10,
  'soft-anti-affinity': 10,
  builds: 1,
};

export interface WeighedHost {
  readonly host: HostState;
  readonly weight: number;
  /** Share of each weigher, after its multiplier. */
  readonly parts: Readonly<Partial<Record<WeigherName, number>>>;
}

/** Best first; of equals the one whose name comes first, so that a run can be repeated. */
export function weighHosts(
  hosts: readonly HostState[],
  request: SelectionRequest,
  multipliers: Multipliers = DEFAULT_MULTIPLIERS,
): WeighedHost[] {
  const parts = hosts.map((): Partial<Record<WeigherName, number>> => ({}));
  for (const { name, weigh } of WEIGHERS) {
    const raw = hosts.map((host) => weigh(host, request));
    const low = Math.min(...raw);
    const span = Math.max(...raw) - low;
    raw.forEach((value, i) => {
      const share = span === 0 ? 0 : ((value - low) / span) * multipliers[name];
      if (share !== 0) parts[i]![name] = round(share); // one a host
    });
  }
  return hosts
    .map((host, i) => ({ host, parts: parts[i] ?? {}, weight: round(sum(Object.values(parts[i] ?? {}))) }))
    .toSorted((a, b) => b.weight - a.weight || a.host.host.localeCompare(b.host.host));
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const round = (value: number): number => Math.round(value * 1000) / 1000;
