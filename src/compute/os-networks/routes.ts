// `/os-networks`, `/os-tenant-networks`: the networks that the caller sees, through compute, until 2.35.
import type { Network } from '#platform/clients/network.ts';
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';

const rule = (name: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check: 'rule:project_reader_or_admin',
  description,
  scopes: ['project'],
});

export const networkProxyPolicies: readonly PolicyRule[] = [
  rule('os-networks:list', 'List networks.'),
  rule('os-networks:show', 'Show a network.'),
  rule('os-tenant-networks:list', "List a project's networks."),
  rule('os-tenant-networks:show', "Show one of a project's networks."),
];

type View = (network: Network, call: Call) => Readonly<Record<string, unknown>>;

// What only the network service of old knew is null.
const FOR_ALL = 'cidr netmask gateway broadcast dns1 dns2 cidr_v6 gateway_v6 netmask_v6'.split(' ');
const FOR_ADMINISTRATORS = (
  'created_at updated_at deleted_at deleted injected bridge vlan vpn_public_address vpn_public_port ' +
  'vpn_private_address dhcp_start project_id host bridge_interface multi_host priority rxtx_base mtu ' +
  'dhcp_server enable_dhcp share_address'
).split(' ');

const networkView: View = ({ id, name }, call) => {
  const admin = call.principal.roles.includes('admin') ? FOR_ADMINISTRATORS : [];
  return { ...Object.fromEntries([...FOR_ALL, ...admin].map((key) => [key, null])), id, label: name };
};

const tenantNetworkView: View = ({ id, name }) => ({ id, label: name, cidr: 'None' });

const list =
  (view: View) =>
  async (call: Call, { network }: ComputeDeps): Promise<unknown> => ({
    networks: (await network.listNetworks(call.token ?? '', {})).map((each) => view(each, call)),
  });

const show =
  (view: View) =>
  async (call: Call, { network }: ComputeDeps): Promise<unknown> => {
    const [found] = await network.listNetworks(call.token ?? '', { id: call.params['id'] ?? '' });
    if (!found) throw new NotFound('Network not found', 'no-such-network');
    return { network: view(found, call) };
  };

const until = '2.35';
const both = (name: string, view: View): ComputeRoute[] => {
  const path = `/v2.1/${name}`;
  return [
    { method: 'GET', path, handler: list(view), policy: `os_compute_api:${name}:list`, until },
    { method: 'GET', path: `${path}/:id`, handler: show(view), policy: `os_compute_api:${name}:show`, until },
  ];
};

export const networkProxyRoutes: readonly ComputeRoute[] = [
  ...both('os-networks', networkView),
  ...both('os-tenant-networks', tenantNetworkView),
];
