// Hosts on which this launch has failed already, or that a server which moves may not go to.
import type { HostFilter } from '../host-state.ts';

export const excludeFilter: HostFilter = {
  name: 'exclude',
  reject: (host, { exclude, excludedAs = 'already tried' }) =>
    exclude.includes(host.host) ? { reason: excludedAs } : undefined,
};
