// /v2.0/availability_zones: the zones of the configuration and those that OVN's gateways name.
import type { Route } from '#platform/http/api.ts';
import { ANY_READER, rules } from '../policy.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';

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

export const availabilityZoneRoutes: readonly Route<NetworkDeps>[] = [
  {
    method: 'GET',
    path: '/v2.0/availability_zones',
    policy: 'get_availability_zone',
    handler: async (call, deps) => ({
      availability_zones: zones(deps).filter((zone) =>
        ['name', 'resource', 'state'].every((key) => {
          const wanted = call.query.getAll(key);
          return wanted.length === 0 || wanted.includes(String(zone[key]));
        }),
      ),
    }),
  },
];
