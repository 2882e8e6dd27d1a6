// The hint `same_host`: only hosts that have one of the servers named.
import type { HostFilter } from '../host-state.ts';

export const sameHostFilter: HostFilter = {
  name: 'same-host',
  reject: (host, { sameHost }) =>
    sameHost.length > 0 && !sameHost.some((id) => host.hinted.includes(id))
      ? { reason: 'has none of the servers of same_host' }
      : undefined,
};
