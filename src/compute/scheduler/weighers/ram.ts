// Free memory: spreads load over hosts.
import type { HostWeigher } from '../host-state.ts';

export const ramWeigher: HostWeigher = { name: 'ram', weigh: (host) => host.free['MEMORY_MB'] ?? 0 };
