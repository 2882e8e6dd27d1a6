// Free virtual CPUs.
import type { HostWeigher } from '../host-state.ts';

export const cpuWeigher: HostWeigher = { name: 'cpu', weigh: (host) => host.free['VCPU'] ?? 0 };
