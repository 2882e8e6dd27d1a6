// /v2.0/availability_zones: the zones of the configuration and those that OVN's gateways name.
import type { Route } from '#platform/http/api.ts';
import { ANY_READER, rules } from '../policy.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';
import { answerViews } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';

export const availabilityZonePolicy = rules({ get_availability_zone: ANY_READER });

function zones(deps: NetworkDeps): View[] {
  const alive = deps.northbound.agents().filter((agent) => agent.alive);
  const names = new Set([
    ...deps.config.availabilityZones,
    ...alive.flatMap((agent) => agent.availabilityZones),
  ]);
  return [...names]
    .sort()
    .flatMap((name) => ['network', 'router'].map((resource) => ({ name, resource, state: 'available' })));
}

const ATTRIBUTES = new Set(['name', 'resource', 'state']);

export const availabilityZoneRoutes: readonly Route<NetworkDeps>[] = [
  {
    method: 'GET',
    path: '/v2.0/availability_zones',
    policy: 'get_availability_zone',
    handler: async (call, deps) => {
      const query = parseQuery(call.query, ATTRIBUTES);
      const found = zones(deps).filter((zone) =>
        [...query.filters].every(([name, values]) => values.includes(String(zone[name]))),
      );
      return answerViews(call, 'availability_zones', query, found, deps, 'name');
    },
  },
];
