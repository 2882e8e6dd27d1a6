// In a group with soft affinity: the more members a host has, the better.
import type { HostWeigher } from '../host-state.ts';

export const softAffinityWeigher: HostWeigher = {
  name: 'soft-affinity',
  weigh: (host, { group }) => (group?.policy === 'soft-affinity' ? host.groupMembers : 0),
};
