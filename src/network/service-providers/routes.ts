// /v2.0/service-providers: who does the routing.
import type { Route } from '#platform/http/api.ts';
import type { NetworkDeps } from '../rest/deps.ts';

export const serviceProviderRoutes: readonly Route<NetworkDeps>[] = [
  {
    method: 'GET',
    path: '/v2.0/service-providers',
    handler: async () => ({
      service_providers: [{ service_type: 'L3_ROUTER_NAT', name: 'ovn', default: true }],
    }),
  },
];
