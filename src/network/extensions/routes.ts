// /v2.0/extensions: what this service can do beyond the core, by upstream's alias. Only what works is listed.
import type { Route } from '#platform/http/api.ts';
import { NetworkError } from '../errors.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';

const EXTENSIONS: ReadonlyArray<readonly [alias: string, name: string, description: string]> = [
  ['address-group', 'Address group', 'Sets of addresses that security group rules refer to'],
  ['address-scope', 'Address scope', 'Scopes in which the prefixes of subnet pools are unique'],
  ['agent', 'agent', 'Shows the hosts of the network by what runs on them'],
  ['allowed-address-pairs', 'Allowed Address Pairs', 'Further addresses that a port may send from'],
  [
    'auto-allocated-topology',
    'Auto Allocated Topology Services',
    'A network for a project that has none, made on demand',
  ],
  ['availability_zone', 'Availability Zone', 'Zones of the network service'],
  ['binding', 'Port Binding', 'Where and how a port is plugged'],
  ['binding-extended', 'Port Bindings Extended', 'Bindings of a port to further hosts'],
  ['default-subnetpools', 'Default Subnetpools', 'A subnet pool that is used when none is named'],
  ['dns-integration', 'DNS Integration', 'Names for ports'],
  [
    'empty-string-filtering',
    'Empty String Filtering Extension',
    'An empty value in a filter asks for what has none',
  ],
  [
    'expose-port-forwarding-in-fip',
    'Expose Floating IP port forwardings',
    'Forwarded ports beside the floating IP',
  ],
  ['external-net', 'Neutron external network', 'Networks that lead out of the cloud'],
  ['extra_dhcp_opt', 'Neutron Extra DHCP options', 'DHCP options of a port'],
  ['extraroute', 'Neutron Extra Route', 'Static routes of routers'],
  ['extraroute-atomic', 'Atomically add/remove extra routes', 'Adding and removing static routes one by one'],
  ['ext-gw-mode', 'Neutron L3 Configurable external gateway mode', 'Source NAT on and off'],
  ['filter-validation', 'Filter parameters validation', 'Unknown filters are refused'],
  ['fip-port-details', 'Floating IP Port Details Extension', 'The port of a floating IP'],
  ['floatingip-pools', 'Floating IP Pools Extension', 'The subnets that floating IPs come from'],
  ['floating-ip-port-forwarding', 'Floating IP Port Forwarding', 'Single ports of floating IPs'],
  [
    'floating-ip-port-forwarding-description',
    'Floating IP Port Forwarding Description',
    'What a forwarded port is for',
  ],
  ['ip-substring-filtering', 'IP address substring filtering', 'Ports by a part of their address'],
  ['net-mtu', 'Network MTU', 'The MTU of a network'],
  ['net-mtu-writable', 'Network MTU (writable)', 'A smaller MTU for a network'],
  ['network-ip-availability', 'Network IP Availability', 'How many addresses are in use'],
  ['network_availability_zone', 'Network Availability Zone', 'Zones for networks'],
  ['pagination', 'Pagination support', 'Lists in pages'],
  ['port-security', 'Port Security', 'Filtering of a port on and off'],
  ['port-security-groups-filtering', 'Port filtering on security groups', 'Ports by security group'],
  ['project-id', 'project_id field enabled', 'project_id beside tenant_id'],
  ['provider', 'Provider Network', 'The physical side of networks'],
  ['port-resource-request', 'Port Resource Request', 'What a port asks of its host'],
  ['port-resource-request-groups', 'Port Resource Request Groups', 'What a port asks of its host, in groups'],
  ['qos', 'Quality of Service', 'Limits, marks and minimums of traffic'],
  ['qos-bw-limit-direction', 'Direction for QoS bandwidth limit rule', 'Limits of what comes in'],
  ['qos-bw-minimum-ingress', 'Ingress direction for QoS minimum bandwidth rule', 'Minimums of what comes in'],
  ['qos-default', 'QoS default policy', 'A policy for new networks of a project'],
  ['qos-fip', 'Floating IP QoS', 'Policies for floating IPs'],
  [
    'qos-fip-network-policy',
    'QoS network policy ID on floating IPs',
    'The policy that a floating IP has from its network',
  ],
  [
    'qos-port-network-policy',
    'QoS network policy ID on ports',
    'The policy that a port has from its network',
  ],
  ['qos-rule-type-details', 'Details of QoS rule types', 'What parameters a kind of rule takes'],
  ['qos-rules-alias', 'Aliases of QoS rules', 'Rules by their own id alone'],
  ['quotas', 'Quota management support', 'Limits of projects'],
  ['quota_details', 'Quota details management support', 'Limits and what is in use'],
  ['rbac-policies', 'RBAC Policies', 'Sharing with chosen projects'],
  ['rbac-security-groups', 'Add security_group type to network RBAC', 'Sharing of security groups'],
  ['revision-if-match', 'If-Match constraints based on revision_number', 'Changes only of what was read'],
  ['router', 'Neutron L3 Router', 'Routers and floating IPs'],
  ['router_availability_zone', 'Router Availability Zone', 'Zones for routers'],
  ['security-group', 'security-group', 'Filtering of ports'],
  [
    'security-groups-normalized-cidr',
    'Normalized CIDR field for security group rules',
    'The canonical form of a prefix',
  ],
  [
    'security-groups-remote-address-group',
    'Remote address group id field for security group rules',
    'Address groups as peers',
  ],
  ['service-type', 'Neutron Service Type Management', 'Providers of services'],
  ['sorting', 'Sorting support', 'Lists in order'],
  ['standard-attr-description', 'standard-attr-description', 'Descriptions'],
  ['standard-attr-revisions', 'Resource revision numbers', 'Revision numbers'],
  ['standard-attr-tag', 'Tag support for resources with standard attribute', 'Tags'],
  ['standard-attr-timestamp', 'Resource timestamps', 'Times of creation and change'],
  ['stateful-security-group', 'Stateful security group', 'Groups without connection tracking'],
  ['subnet-dns-publish-fixed-ip', 'Subnet DNS publish fixed IP', 'Whether fixed addresses are published'],
  ['subnet-service-types', 'Subnet service types', 'Subnets for certain owners only'],
  ['tag-ports-during-bulk-creation', 'Tag Ports During Bulk Creation', 'Tags given with a new port'],
  ['subnet_allocation', 'Subnet Allocation', 'Subnets out of pools'],
  ['subnet_onboard', 'Subnet Onboard', 'Pools take the subnets of a network'],
  ['subnetpool-prefix-ops', 'Subnet Pool Prefix Operations', 'Adding and removing prefixes of a pool'],
  ['trunk', 'Trunk Extension', 'Ports that carry further ports as VLANs'],
  ['trunk-details', 'Trunk port details', 'What a trunk carries, on its port'],
];

function view([alias, name, description]: readonly [string, string, string]): View {
  return { alias, name, description, updated: '2024-01-01T00:00:00-00:00', links: [] };
}

export const EXTENSION_ALIASES: readonly string[] = EXTENSIONS.map(([alias]) => alias);

export const extensionRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path: '/v2.0/extensions', handler: async () => ({ extensions: EXTENSIONS.map(view) }) },
  {
    method: 'GET',
    path: '/v2.0/extensions/:alias',
    handler: async (call) => {
      const found = EXTENSIONS.find(([alias]) => alias === call.params['alias']);
      if (!found)
        throw new NetworkError(
          'not-found',
          'ExtensionNotFound',
          `Extension with alias ${call.params['alias']} does not exist`,
        );
      return { extension: view(found) };
    },
  },
];
