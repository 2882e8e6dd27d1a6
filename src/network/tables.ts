// Row types of the network service's database, one a table. Stores of the REST resources write them; the loops that keep
// OVN equal to them read them. Booleans are 0/1, times ISO 8601 text, lists and objects JSON text.
import type { ResourceKind } from './northbound.ts';

/** What every API resource has. `revision_number` grows by one with each change; OVN rows carry it in `external_ids`. */
export interface StandardColumns {
  id: string;
  project_id: string;
  description: string;
  revision_number: number;
  created_at: string;
  updated_at: string;
}

export type NetworkType = 'geneve' | 'vlan' | 'flat' | 'local';

export interface NetworkRow extends StandardColumns {
  name: string;
  admin_state_up: number;
  mtu: number;
  port_security_enabled: number;
  /** 1: `router:external`. Who may see it follows from `rbac_policies`. */
  external: number;
  is_default: number;
  dns_domain: string;
  /** JSON: string[] */
  availability_zone_hints: string;
  network_type: NetworkType;
  physical_network: string | null;
  /** VLAN tag or Geneve network identifier; null for flat and local. */
  segmentation_id: number | null;
  /** `geneve:17`, `vlan:physnet1:100`, `flat:physnet1`; unique, so that two networks never share a segment. Null: local. */
  segment_key: string | null;
  qos_policy_id: string | null;
}

export interface SubnetRow extends StandardColumns {
  name: string;
  network_id: string;
  ip_version: 4 | 6;
  /** Canonical: host bits zero, v6 compressed. */
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: number;
  ipv6_ra_mode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
  ipv6_address_mode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
  /** JSON: {start, end}[] in ascending order. */
  allocation_pools: string;
  /** JSON: string[] */
  dns_nameservers: string;
  /** JSON: {destination, nexthop}[] */
  host_routes: string;
  /** JSON: string[] of device owners. */
  service_types: string;
  subnetpool_id: string | null;
  dns_publish_fixed_ip: number;
  /** Where the search for a free address goes on: `ip_key` of the last address that was given out; null at first. */
  ipam_cursor: string | null;
}

/** One address of one port. `ip_key` is the address as 32 hex digits, so that text order is address order. */
export interface IpAllocationRow {
  subnet_id: string;
  network_id: string;
  port_id: string;
  ip_address: string;
  ip_key: string;
  /** Place in the port's `fixed_ips`. */
  position: number;
}

export interface PortRow extends StandardColumns {
  name: string;
  network_id: string;
  admin_state_up: number;
  /** Lower case, colons. Unique in its network. */
  mac_address: string;
  /** Server id, router id … or empty. */
  device_id: string;
  /** `compute:nova`, `network:router_interface`, `network:router_gateway`, `network:floatingip`, … or empty. */
  device_owner: string;
  port_security_enabled: number;
  /** Host (OVN chassis hostname) on which the port is asked to be bound; empty when unbound. */
  binding_host_id: string;
  binding_vnic_type: string;
  /** JSON object */
  binding_profile: string;
  /** JSON: {ip_address, mac_address}[] */
  allowed_address_pairs: string;
  /** JSON: {opt_name, opt_value, ip_version}[] */
  extra_dhcp_opts: string;
  dns_name: string;
  dns_domain: string;
  /** The port's own; without one its network's holds. */
  qos_policy_id: string | null;
}

/** A binding of a port to a host beside the active one, which is the port's own `binding_*` columns. */
export interface PortBindingRow {
  port_id: string;
  host: string;
  vnic_type: string;
  /** JSON object */
  profile: string;
  /** 1: the host may plug the port beside the active one, until it becomes the active one; 0: the port left that host. */
  prepared: number;
}

export interface TrunkRow extends StandardColumns {
  name: string;
  admin_state_up: number;
  /** The parent, which is plugged; unique: a port has one trunk. */
  port_id: string;
}

/** A port that its trunk carries as a VLAN; a port is in one trunk, and a tag once in a trunk. */
export interface SubportRow {
  port_id: string;
  trunk_id: string;
  segmentation_type: string;
  segmentation_id: number;
}

export interface PortSecurityGroupRow {
  port_id: string;
  security_group_id: string;
}

/** Interfaces of a router are its ports: `device_id` the router's id, `device_owner` `network:router_interface`. */
export interface RouterRow extends StandardColumns {
  name: string;
  admin_state_up: number;
  /** The external network of the gateway, and the gateway's port; both null without one. */
  gateway_network_id: string | null;
  gateway_port_id: string | null;
  enable_snat: number;
  distributed: number;
  ha: number;
  /** JSON: {destination, nexthop}[] */
  routes: string;
  /** JSON: string[] */
  availability_zone_hints: string;
}

export interface FloatingIpRow extends StandardColumns {
  floating_network_id: string;
  floating_ip_address: string;
  /** The port on the external network that holds the address (`network:floatingip`). */
  floating_port_id: string;
  /** The inner port, its address and the router between; all three null while not associated. */
  port_id: string | null;
  fixed_ip_address: string | null;
  router_id: string | null;
  dns_name: string;
  dns_domain: string;
  /** Its own; without one that of the external network holds. */
  qos_policy_id: string | null;
}

/** A port of a floating IP that leads to a port of a server. Such a floating IP has a router, and no port of its own. */
export interface PortForwardingRow extends StandardColumns {
  floatingip_id: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  external_port: number;
  internal_port_id: string;
  internal_ip_address: string;
  internal_port: number;
}

export interface SecurityGroupRow extends StandardColumns {
  name: string;
  stateful: number;
  /** The project's id in its default group, else null; unique: one default group a project. */
  default_of: string | null;
}

export interface SecurityGroupRuleRow extends StandardColumns {
  security_group_id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  /** Lower-case name or decimal number; null: any. */
  protocol: string | null;
  /** Ports; for ICMP min is the type and max the code. */
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
  remote_address_group_id: string | null;
  /** What the rule means, as one text: unique, so that no rule is there twice. */
  rule_key: string;
}

export interface AddressGroupRow extends StandardColumns {
  name: string;
  /** JSON: string[] of CIDRs. */
  addresses: string;
}

export interface SubnetPoolRow extends StandardColumns {
  name: string;
  ip_version: 4 | 6;
  /** JSON: string[] of CIDRs, disjoint, ascending. */
  prefixes: string;
  default_prefixlen: number;
  min_prefixlen: number;
  max_prefixlen: number;
  default_quota: number | null;
  address_scope_id: string | null;
  shared: number;
  is_default: number;
}

export interface AddressScopeRow extends StandardColumns {
  name: string;
  ip_version: 4 | 6;
  shared: number;
}

export interface QosPolicyRow extends StandardColumns {
  name: string;
  /** The project's id in its default policy, else null; unique: one default policy a project. */
  default_of: string | null;
}

/** A kind of rule is in a policy once in each direction; marks have none of their own, they are the guest's: egress. */
export interface QosRuleRow {
  id: string;
  qos_policy_id: string;
  type: 'bandwidth_limit' | 'dscp_marking' | 'minimum_bandwidth';
  direction: 'ingress' | 'egress';
  max_kbps: number | null;
  max_burst_kbps: number | null;
  dscp_mark: number | null;
  min_kbps: number | null;
}

export interface RbacPolicyRow {
  id: string;
  project_id: string;
  object_type: string;
  object_id: string;
  /** `access_as_shared` or `access_as_external`. */
  action: string;
  /** A project's id or `*`. */
  target_project: string;
}

export interface QuotaRow {
  project_id: string;
  resource: string;
  /** -1: unlimited. */
  quota: number;
}

export interface TagRow {
  resource_id: string;
  tag: string;
}

/**
 * Resources (deleted ones too) whose OVN rows may be behind, written in the transaction that changed them and removed when
 * OVN has them. What is here after a crash or while OVN is away is what the repair loop must do first.
 */
export interface NorthboundWorkRow {
  kind: ResourceKind;
  id: string;
  /** New with every change: work is removed only if nothing changed meanwhile. */
  mark: string;
  marked_at: string;
}

export interface NetworkTables {
  networks: NetworkRow;
  subnets: SubnetRow;
  ip_allocations: IpAllocationRow;
  ports: PortRow;
  port_bindings: PortBindingRow;
  trunks: TrunkRow;
  subports: SubportRow;
  port_security_groups: PortSecurityGroupRow;
  routers: RouterRow;
  floatingips: FloatingIpRow;
  port_forwardings: PortForwardingRow;
  security_groups: SecurityGroupRow;
  security_group_rules: SecurityGroupRuleRow;
  address_groups: AddressGroupRow;
  subnetpools: SubnetPoolRow;
  address_scopes: AddressScopeRow;
  qos_policies: QosPolicyRow;
  qos_rules: QosRuleRow;
  rbac_policies: RbacPolicyRow;
  quotas: QuotaRow;
  tags: TagRow;
  northbound_work: NorthboundWorkRow;
}
