// All of compute's routes and policies, resource by resource.
import type { Twin } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { consoleRoutes } from './consoles/routes.ts';
import type { ComputeRoute } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { goneRoutes } from './gone/routes.ts';
import { imageProxyRoutes } from './images/routes.ts';
import { keypairPolicies } from './keypairs/policy.ts';
import { keypairRoutes } from './keypairs/routes.ts';
import { operatorPolicies, operatorRoutes } from './operator-table.ts';
import { baremetalPolicies } from './os-baremetal-nodes/policy.ts';
import { baremetalRoutes } from './os-baremetal-nodes/routes.ts';
import { floatingIpPolicies } from './os-floating-ips/policy.ts';
import { floatingIpRoutes } from './os-floating-ips/routes.ts';
import { networkProxyPolicies, networkProxyRoutes } from './os-networks/routes.ts';
import { volumeProxyPolicies } from './os-volumes/policy.ts';
import { volumeProxyRoutes } from './os-volumes/routes.ts';
import { externalEventPolicies, externalEventRoutes } from './os-server-external-events/routes.ts';
import { securityGroupPolicies } from './os-security-groups/policy.ts';
import { securityGroupRoutes } from './os-security-groups/routes.ts';
import { serverGroupPolicies } from './server-groups/policy.ts';
import { serverGroupRoutes } from './server-groups/routes.ts';
import { serverActionRoutes } from './servers/action-routes.ts';
import { diagnosticsRoutes } from './servers/diagnostics/routes.ts';
import { ipRoutes } from './servers/ips/routes.ts';
import { launchTraceRoutes } from './servers/launch-trace/routes.ts';
import { metadataRoutes } from './servers/metadata/routes.ts';
import { instanceActionRoutes } from './servers/os-instance-actions/routes.ts';
import { interfaceRoutes } from './servers/os-interface/routes.ts';
import { volumeAttachmentRoutes } from './servers/os-volume_attachments/routes.ts';
import { serverSecurityGroupRoutes } from './servers/os-security-groups/routes.ts';
import { serverPasswordRoutes } from './servers/os-server-password/routes.ts';
import { serverPolicies } from './servers/policy.ts';
import { remoteConsoleRoutes } from './servers/remote-consoles/routes.ts';
import { serverRoutes } from './servers/routes.ts';
import { topologyRoutes } from './servers/topology/routes.ts';
import { tagRoutes } from './servers/tags/routes.ts';

export const computeRoutes: readonly ComputeRoute[] = [
  ...discoveryRoutes,
  ...serverRoutes,
  ...serverActionRoutes,
  ...metadataRoutes,
  ...tagRoutes,
  ...ipRoutes,
  ...interfaceRoutes,
  ...volumeAttachmentRoutes,
  ...externalEventRoutes,
  ...serverSecurityGroupRoutes,
  ...instanceActionRoutes,
  ...launchTraceRoutes,
  ...diagnosticsRoutes,
  ...topologyRoutes,
  ...remoteConsoleRoutes,
  ...serverPasswordRoutes,
  ...consoleRoutes,
  ...keypairRoutes,
  ...serverGroupRoutes,
  ...securityGroupRoutes,
  ...imageProxyRoutes,
  ...floatingIpRoutes,
  ...networkProxyRoutes,
  ...volumeProxyRoutes,
  ...operatorRoutes,
  ...baremetalRoutes,
  ...goneRoutes,
];

/** Older names of servers, paths with a project in them, and the API of before microversions. */
export const computeTwins: readonly Twin[] = [
  {
    from: '/v2.1/servers',
    to: '/v2.1/os-volumes_boot',
    only: ['', '/detail', '/:id', '/:id/action'].map((rest) => `/v2.1/servers${rest}`),
  },
  { from: '/v2.1', to: '/v2.1/:project_id(^[0-9a-f-]+$)' },
  { from: '/v2.1', to: '/v2', relaxed: true },
];

export const computePolicies: readonly PolicyRule[] = [
  ...serverPolicies,
  ...externalEventPolicies,
  ...keypairPolicies,
  ...serverGroupPolicies,
  ...securityGroupPolicies,
  ...floatingIpPolicies,
  ...networkProxyPolicies,
  ...volumeProxyPolicies,
  ...operatorPolicies,
  ...baremetalPolicies,
];
