// Hosts whose compute service is enabled, not forced down, and was heard of lately.
import type { HostFilter } from '../host-state.ts';

export const computeUpFilter: HostFilter = {
  name: 'compute-up',
  reject: (host, { now, heartbeatTimeoutMs }) => {
    if (host.disabled)
      return { reason: 'disabled', ...(host.disabledReason ? { detail: host.disabledReason } : {}) };
    if (host.forcedDown) return { reason: 'forced down' };
    if (host.lastSeenAt === null) return { reason: 'down', detail: 'its compute service never reported' };
    const age = now - Date.parse(host.lastSeenAt);
    if (age <= heartbeatTimeoutMs) return undefined;
    return { reason: 'down', detail: `last heard of ${Math.round(age / 1000)} s ago` };
  },
};
