// The host that an administrator asked for, by service host or hypervisor name. Every other filter holds for it too.
import type { HostFilter } from '../host-state.ts';

export const requestedHostFilter: HostFilter = {
  name: 'requested-host',
  reject: (host, { requestedHost }) =>
    requestedHost === null || host.host === requestedHost || host.node === requestedHost
      ? undefined
      : { reason: `not ${requestedHost}` },
};
