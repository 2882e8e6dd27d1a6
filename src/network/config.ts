// The network service's options. `src/cloud` fills them in; everything has a default.

export interface PhysicalNetwork {
  readonly name: string;
  /** Ranges of VLAN tags that projects' networks may be given; an administrator may name any tag. */
  readonly vlanRanges?: ReadonlyArray<readonly [number, number]>;
  readonly mtu?: number;
}

/** Of a host on a physical network, in kilobits per second each way. */
export interface Bandwidth {
  readonly egress?: number;
  readonly ingress?: number;
}

export interface NetworkConfig {
  /** Provider networks that hosts have bridge mappings for. */
  readonly physicalNetworks?: readonly PhysicalNetwork[];
  /** Types tried in order for networks whose creator named none. */
  readonly tenantNetworkTypes?: ReadonlyArray<'geneve' | 'vlan'>;
  readonly geneveRange?: readonly [number, number];
  /** MTU of the physical network under the tunnels. */
  readonly underlayMtu?: number;
  /** Name under which projects without one find their ports in DNS. */
  readonly dnsDomain?: string;
  readonly availabilityZones?: readonly string[];
  /** Longest an answer waits for OVN. The change itself goes on, and is repaired when it fails. */
  readonly northboundDeadlineMs?: number;
  /** Gives each network with a DHCP subnet the port through which hosts answer 169.254.169.254. */
  readonly metadataPorts?: boolean;
  /** Default limits by resource; -1: unlimited. */
  readonly quotas?: Readonly<Record<string, number>>;
  /**
   * What each host has on a physical network, by the network's name: told to placement for ports that keep bandwidth free.
   * Without it no host has any, and servers with such ports find none.
   */
  readonly resourceProviderBandwidths?: Readonly<Record<string, Bandwidth>>;
  /** Most rows that one list answers when the caller gives no limit; 0: all. */
  readonly maxPage?: number;
}

/** The configuration, and where OVN is: `unix:/path` or `tcp:host:port` of its databases. */
export interface NetworkOptions extends NetworkConfig {
  readonly nb: string;
  readonly sb: string;
}

export type ResolvedNetworkConfig = Required<NetworkConfig>;

/** Outer IPv4 (20) + UDP (8) + Geneve with OVN's option (16) + inner Ethernet (14). */
export const GENEVE_OVERHEAD = 58;

export const DEFAULT_QUOTAS: Readonly<Record<string, number>> = {
  network: 100,
  subnet: 100,
  subnetpool: -1,
  port: 500,
  router: 10,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
  rbac_policy: 10,
  trunk: -1,
};

export function resolveConfig(config: NetworkConfig): ResolvedNetworkConfig {
  return {
    physicalNetworks: config.physicalNetworks ?? [{ name: 'public' }],
    tenantNetworkTypes: config.tenantNetworkTypes ?? ['geneve'],
    geneveRange: config.geneveRange ?? [1, 65_535],
    underlayMtu: config.underlayMtu ?? 1500,
    dnsDomain: config.dnsDomain ?? 'openstacklocal.',
    availabilityZones: config.availabilityZones ?? ['nova'],
    northboundDeadlineMs: config.northboundDeadlineMs ?? 2000,
    metadataPorts: config.metadataPorts ?? true,
    quotas: { ...DEFAULT_QUOTAS, ...config.quotas },
    resourceProviderBandwidths: config.resourceProviderBandwidths ?? {},
    maxPage: config.maxPage ?? 0,
  };
}
