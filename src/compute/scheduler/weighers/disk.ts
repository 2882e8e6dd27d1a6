// Free disk.
import type { HostWeigher } from '../host-state.ts';

export const diskWeigher: HostWeigher = { name: 'disk', weigh: (host) => host.free['DISK_GB'] ?? 0 };
