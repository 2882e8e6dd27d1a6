// Hosts of aggregates that are reserved for some projects (`filter_tenant_id…` in the metadata) take only those.
import type { HostFilter } from '../host-state.ts';

export const aggregateTenancyFilter: HostFilter = {
  name: 'aggregate-tenancy',
  reject: (host, { projectId }) => {
    const reserved = host.aggregates.flatMap((aggregate) =>
      Object.entries(aggregate.metadata)
        .filter(([key]) => key.startsWith('filter_tenant_id'))
        .flatMap(([, value]) => value.split(',').map((each) => each.trim())),
    );
    return reserved.length === 0 || reserved.includes(projectId)
      ? undefined
      : { reason: 'reserved for other projects' };
  },
};
