// Spreads builds: a host that builds several servers at once takes longer with each.
import type { HostWeigher } from '../host-state.ts';

export const buildsWeigher: HostWeigher = { name: 'builds', weigh: (host) => -host.building };
