// In a group with soft anti-affinity: the fewer members a host has, the better.
import type { HostWeigher } from '../host-state.ts';

export const softAntiAffinityWeigher: HostWeigher = {
  name: 'soft-anti-affinity',
  weigh: (host, { group }) => (group?.policy === 'soft-anti-affinity' ? -host.groupMembers : 0),
};
