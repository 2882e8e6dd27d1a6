// In a group with anti-affinity, only hosts with fewer members than its rule allows. Checked again when the host is claimed.
import type { HostFilter } from '../host-state.ts';

export const serverGroupAntiAffinityFilter: HostFilter = {
  name: 'server-group-anti-affinity',
  reject: (host, { group }) =>
    group?.policy === 'anti-affinity' && host.groupMembers >= group.maxServersPerHost
      ? {
          reason: 'has a member of the server group',
          detail: `${host.groupMembers} of at most ${group.maxServersPerHost}`,
        }
      : undefined,
};
