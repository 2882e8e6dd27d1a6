// The hint `different_host`: no host that has one of the servers named.
import type { HostFilter } from '../host-state.ts';

export const differentHostFilter: HostFilter = {
  name: 'different-host',
  reject: (host, { differentHost }) =>
    differentHost.some((id) => host.hinted.includes(id))
      ? { reason: 'has a server of different_host' }
      : undefined,
};
