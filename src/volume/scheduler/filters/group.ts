// Volumes whose snapshots are taken at one moment lie with one volume service.
import type { BackendFilter } from '../backend-state.ts';

export const groupFilter: BackendFilter = {
  name: 'group',
  reject: ({ service }, { groupService }) =>
    groupService !== undefined && groupService !== service
      ? { reason: 'does not hold its group' }
      : undefined,
};
