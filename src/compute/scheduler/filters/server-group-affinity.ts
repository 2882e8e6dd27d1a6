// In a group with affinity, only the host where its members are. Checked again when the host is claimed.
import type { HostFilter } from '../host-state.ts';

export const serverGroupAffinityFilter: HostFilter = {
  name: 'server-group-affinity',
  reject: (host, { group, groupHosts }) =>
    group?.policy === 'affinity' && groupHosts.length > 0 && !groupHosts.includes(host.host)
      ? { reason: 'not where the server group is', detail: `members are on ${groupHosts.join(', ')}` }
      : undefined,
};
