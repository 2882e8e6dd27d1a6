// The network service as its peers use it. Every call carries the token it acts with.
import { DomainError } from '#platform/errors/domain-error.ts';
import { expectOk, type Transport } from './transport.ts';

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly project_id: string;
  readonly shared: boolean;
  readonly 'router:external': boolean;
  readonly mtu: number;
  readonly subnets: readonly string[];
  readonly status: string;
}

export interface Subnet {
  readonly id: string;
  readonly network_id: string;
  readonly ip_version: 4 | 6;
  readonly cidr: string;
  readonly gateway_ip: string | null;
  readonly enable_dhcp: boolean;
  readonly ipv6_address_mode: string | null;
  readonly dns_nameservers: readonly string[];
  readonly host_routes: ReadonlyArray<{ readonly destination: string; readonly nexthop: string }>;
}

export interface Port {
  readonly id: string;
  readonly name: string;
  readonly project_id: string;
  readonly network_id: string;
  readonly mac_address: string;
  readonly status: string;
  readonly admin_state_up: boolean;
  readonly device_id: string;
  readonly device_owner: string;
  readonly fixed_ips: ReadonlyArray<{ readonly subnet_id: string; readonly ip_address: string }>;
  readonly security_groups: readonly string[];
  readonly port_security_enabled: boolean;
  readonly 'binding:host_id'?: string;
  readonly 'binding:profile'?: Readonly<Record<string, unknown>>;
  /** Of the parent of a trunk. */
  readonly trunk_details?: { readonly trunk_id: string };
  /** Shown to administrators and services alone. */
  readonly resource_request?: {
    readonly request_groups: ReadonlyArray<{
      readonly id: string;
      readonly required: readonly string[];
      readonly resources: Readonly<Record<string, number>>;
    }>;
  } | null;
}

/** How far a port is on its way from SQL to its host. */
export interface PortTrace {
  readonly port_id: string;
  /** Traffic flows. */
  readonly up: boolean;
  /** The first link that is not there; null when up. */
  readonly missing: 'northbound row' | 'southbound binding' | 'chassis claim' | 'flows' | null;
  /** Rows written for it (by table) and further facts, each for the launch record. */
  readonly northbound: Readonly<Record<string, unknown>>;
  readonly southbound: Readonly<Record<string, unknown>>;
  readonly binding: Readonly<Record<string, unknown>>;
}

/** A binding of a port to a host: one is ACTIVE, those of hosts that it may move to are INACTIVE. */
export interface PortBinding {
  readonly host: string;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly vif_type: string;
  readonly vnic_type: string;
  readonly profile: Readonly<Record<string, unknown>>;
}

export type NewBinding = Pick<PortBinding, 'host'> & Partial<Pick<PortBinding, 'vnic_type' | 'profile'>>;

export interface SecurityGroup {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly project_id: string;
  readonly security_group_rules: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

export interface FloatingIp {
  readonly id: string;
  readonly project_id: string;
  readonly floating_network_id: string;
  readonly floating_ip_address: string;
  readonly fixed_ip_address: string | null;
  readonly port_id: string | null;
}

/** Query parameters: a list means any of its values. */
/** Values of an attribute, any of which fits; long lists are asked for in several requests. */
export type NetworkFilter = Readonly<Record<string, string | readonly string[]>>;
type Attributes = Readonly<Record<string, unknown>>;

export interface NetworkClient {
  listNetworks(token: string, filter: NetworkFilter): Promise<Network[]>;
  getNetwork(token: string, id: string): Promise<Network>;
  /**
   * The id of the network that the project has automatically, which is made with the first call. `dryRun` only asks
   * whether it could be: the id then is none.
   * @throws DomainError when the deployment lacks what it is made from
   */
  autoAllocateNetwork(
    token: string,
    projectId: string,
    wanted?: { readonly dryRun: boolean },
  ): Promise<string>;
  listSubnets(token: string, filter: NetworkFilter): Promise<Subnet[]>;
  listPorts(token: string, filter: NetworkFilter): Promise<Port[]>;
  getPort(token: string, id: string): Promise<Port>;
  /**
   * For services: the state of the port's wiring, read now.
   * @param wanted.flows counts the logical flows of its datapath as well: OVN searches for them, no launch should wait
   */
  getPortTrace(token: string, id: string, wanted?: { readonly flows: boolean }): Promise<PortTrace>;
  createPort(token: string, attributes: Attributes): Promise<Port>;
  updatePort(token: string, id: string, attributes: Attributes): Promise<Port>;
  /**
   * Prepares the port on another host: it goes on working where it is, and that host may plug it as well. Also when it is
   * prepared there already.
   */
  createBinding(token: string, portId: string, binding: NewBinding): Promise<PortBinding>;
  /**
   * The host of the port is from now on this one. Also when it is already. From then on its trace says `up` when the chassis
   * of that host has it, and no sooner.
   */
  activateBinding(token: string, portId: string, host: string): Promise<void>;
  /** Also when it is gone already. */
  deleteBinding(token: string, portId: string, host: string): Promise<void>;
  listBindings(token: string, portId: string): Promise<PortBinding[]>;
  /** Also when it is gone already. */
  deletePort(token: string, id: string): Promise<void>;
  /** @param serviceToken lets an expired user token pass */
  listSecurityGroups(token: string, filter: NetworkFilter, serviceToken?: string): Promise<SecurityGroup[]>;
  createSecurityGroup(token: string, attributes: Attributes): Promise<SecurityGroup>;
  updateSecurityGroup(token: string, id: string, attributes: Attributes): Promise<SecurityGroup>;
  /** Also when it is gone already. */
  deleteSecurityGroup(token: string, id: string): Promise<void>;
  listSecurityGroupRules(token: string, filter: NetworkFilter): Promise<Attributes[]>;
  createSecurityGroupRule(token: string, attributes: Attributes): Promise<Attributes>;
  /** Also when it is gone already. */
  deleteSecurityGroupRule(token: string, id: string): Promise<void>;
  listFloatingIps(token: string, filter: NetworkFilter): Promise<FloatingIp[]>;
  createFloatingIp(token: string, attributes: Attributes): Promise<FloatingIp>;
  updateFloatingIp(token: string, id: string, attributes: Attributes): Promise<FloatingIp>;
  /** Also when it is gone already. */
  deleteFloatingIp(token: string, id: string): Promise<void>;
}

export function createNetworkClient(transport: Transport): NetworkClient {
  const send = async (
    token: string,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    serviceToken?: string,
  ): Promise<Record<string, unknown>> => {
    const answer = await expectOk(
      'network',
      transport,
      {
        method,
        path: `/v2.0${path}`,
        token,
        ...(serviceToken === undefined ? {} : { serviceToken }),
        ...(body === undefined ? {} : { body }),
      },
      method === 'DELETE' ? [204, 404] : [200, 201],
    );
    return (answer.body ?? {}) as Record<string, unknown>;
  };
  const list =
    <T>(path: string, key: string) =>
    async (token: string, filter: NetworkFilter, serviceToken?: string): Promise<T[]> => {
      const pages = await Promise.all(
        inParts(filter).map((part) => send(token, 'GET', `${path}${queryOf(part)}`, undefined, serviceToken)),
      );
      return pages.flatMap((page) => page[key] as T[]);
    };
  return {
    listNetworks: list('/networks', 'networks'),
    listSubnets: list('/subnets', 'subnets'),
    listPorts: list('/ports', 'ports'),
    listSecurityGroups: list('/security-groups', 'security_groups'),
    listSecurityGroupRules: list('/security-group-rules', 'security_group_rules'),
    listFloatingIps: list('/floatingips', 'floatingips'),
    autoAllocateNetwork: async (token, projectId, { dryRun } = { dryRun: false }) => {
      const path = `/auto-allocated-topology/${encodeURIComponent(projectId)}${dryRun ? '?fields=dry-run' : ''}`;
      const answer = await send(token, 'GET', path);
      return (answer['auto_allocated_topology'] as { readonly id: string }).id;
    },
    getNetwork: async (token, id) =>
      (await send(token, 'GET', `/networks/${encodeURIComponent(id)}`))['network'] as Network,
    getPort: async (token, id) =>
      (await send(token, 'GET', `/ports/${encodeURIComponent(id)}`))['port'] as Port,
    getPortTrace: async (token, id, { flows } = { flows: false }) =>
      (await send(token, 'GET', `/ports/${encodeURIComponent(id)}/trace${flows ? '?flows=1' : ''}`))[
        'port_trace'
      ] as PortTrace,
    createPort: async (token, port) => (await send(token, 'POST', '/ports', { port }))['port'] as Port,
    updatePort: async (token, id, port) =>
      (await send(token, 'PUT', `/ports/${encodeURIComponent(id)}`, { port }))['port'] as Port,
    ...portBindings(send),
    deletePort: async (token, id) => void (await send(token, 'DELETE', `/ports/${encodeURIComponent(id)}`)),
    createSecurityGroup: async (token, security_group) =>
      (await send(token, 'POST', '/security-groups', { security_group }))['security_group'] as SecurityGroup,
    updateSecurityGroup: async (token, id, security_group) =>
      (await send(token, 'PUT', `/security-groups/${encodeURIComponent(id)}`, { security_group }))[
        'security_group'
      ] as SecurityGroup,
    deleteSecurityGroup: async (token, id) =>
      void (await send(token, 'DELETE', `/security-groups/${encodeURIComponent(id)}`)),
    createSecurityGroupRule: async (token, security_group_rule) =>
      (await send(token, 'POST', '/security-group-rules', { security_group_rule }))[
        'security_group_rule'
      ] as Attributes,
    deleteSecurityGroupRule: async (token, id) =>
      void (await send(token, 'DELETE', `/security-group-rules/${encodeURIComponent(id)}`)),
    createFloatingIp: async (token, floatingip) =>
      (await send(token, 'POST', '/floatingips', { floatingip }))['floatingip'] as FloatingIp,
    deleteFloatingIp: async (token, id) =>
      void (await send(token, 'DELETE', `/floatingips/${encodeURIComponent(id)}`)),
    updateFloatingIp: async (token, id, floatingip) =>
      (await send(token, 'PUT', `/floatingips/${encodeURIComponent(id)}`, { floatingip }))[
        'floatingip'
      ] as FloatingIp,
  };
}

type BindingCalls = Pick<
  NetworkClient,
  'createBinding' | 'activateBinding' | 'deleteBinding' | 'listBindings'
>;

function portBindings(send: Send): BindingCalls {
  return {
    createBinding: async (token, portId, binding) =>
      createBinding(send, token, bindingsPath(portId), binding),
    activateBinding: async (token, portId, host) => {
      const path = `${bindingsPath(portId)}/${encodeURIComponent(host)}`;
      try {
        await send(token, 'PUT', `${path}/activate`);
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (((await send(token, 'GET', path))['binding'] as PortBinding).status !== 'ACTIVE') throw error;
      }
    },
    deleteBinding: async (token, portId, host) =>
      void (await send(token, 'DELETE', `${bindingsPath(portId)}/${encodeURIComponent(host)}`)),
    listBindings: async (token, portId) =>
      (await send(token, 'GET', bindingsPath(portId)))['bindings'] as PortBinding[],
  };
}

const bindingsPath = (portId: string): string => `/ports/${encodeURIComponent(portId)}/bindings`;

function isConflict(error: unknown): boolean {
  return error instanceof DomainError && error.kind === 'conflict';
}

type Send = (
  token: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
) => Promise<Record<string, unknown>>;

/** One that an earlier attempt made is taken; one that a move away from that host left is prepared again. */
async function createBinding(
  send: Send,
  token: string,
  path: string,
  binding: NewBinding,
): Promise<PortBinding> {
  try {
    return (await send(token, 'POST', path, { binding }))['binding'] as PortBinding;
  } catch (error) {
    if (!isConflict(error)) throw error;
    const all = (await send(token, 'GET', path))['bindings'] as PortBinding[];
    const there = all.find((each) => each.host === binding.host);
    if (!there) throw error;
    if (there.status === 'ACTIVE' || there.vif_type !== 'unbound') return there;
    const { host, ...how } = binding;
    return (await send(token, 'PUT', `${path}/${encodeURIComponent(host)}`, { binding: how }))[
      'binding'
    ] as PortBinding;
  }
}

const VALUES_A_REQUEST = 150; // a request line may have 16 KiB, an id with its name takes 47 bytes of it

/** Filters with fewer values each, that find together what `filter` finds. */
function inParts(filter: NetworkFilter): NetworkFilter[] {
  const long = Object.entries(filter).find(([, value]) => value.length > VALUES_A_REQUEST);
  if (!long || typeof long[1] === 'string') return [filter];
  const [name, values] = long;
  const parts: NetworkFilter[] = [];
  for (let at = 0; at < values.length; at += VALUES_A_REQUEST)
    parts.push({ ...filter, [name]: values.slice(at, at + VALUES_A_REQUEST) });
  return parts;
}

function queryOf(filter: NetworkFilter): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(filter)) {
    for (const each of typeof value === 'string' ? [value] : value) query.append(key, each);
  }
  return query.size === 0 ? '' : `?${query}`;
}
