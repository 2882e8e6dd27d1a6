// `/` and `/v2.0/`: which versions there are and which collections they hold.
import type { Call, Route } from '#platform/http/api.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';

const COLLECTIONS: Readonly<Record<string, string>> = {
  networks: 'network',
  subnets: 'subnet',
  ports: 'port',
  routers: 'router',
  floatingips: 'floatingip',
  subnetpools: 'subnetpool',
  'security-groups': 'security_group',
  'security-group-rules': 'security_group_rule',
  'address-scopes': 'address_scope',
  'address-groups': 'address_group',
  'rbac-policies': 'rbac_policy',
  quotas: 'quota',
  agents: 'agent',
  extensions: 'extension',
};

async function versions(call: Call): Promise<View> {
  return {
    versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${call.baseUrl}/v2.0/` }] }],
  };
}

async function resources(call: Call): Promise<View> {
  return {
    resources: Object.entries(COLLECTIONS).map(([collection, name]) => ({
      name,
      collection: collection.replaceAll('-', '_'),
      links: [{ rel: 'self', href: `${call.baseUrl}/v2.0/${collection}` }],
    })),
  };
}

export const discoveryRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path: '/', handler: versions, auth: 'none' },
  { method: 'GET', path: '/v2.0', handler: resources, auth: 'optional' },
];
