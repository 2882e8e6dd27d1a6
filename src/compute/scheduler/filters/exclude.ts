// Hosts on which this launch has failed already.
import type { HostFilter } from '../host-state.ts';

export const excludeFilter: HostFilter = {
  name: 'exclude',
  reject: (host, { exclude }) => (exclude.includes(host.host) ? { reason: 'already tried' } : undefined),
};
