// The part of OVN's databases that the network service keeps a copy of, and the names that its rows have there: those
// of ML2/OVN, so that operators' habits and tools carry over.
import { northbound, southbound } from '#drivers/ovn/schema.ts';

export const nbTables = {
  Logical_Switch: northbound.Logical_Switch,
  Logical_Switch_Port: northbound.Logical_Switch_Port,
  ACL: northbound.ACL,
  Port_Group: northbound.Port_Group,
  Address_Set: northbound.Address_Set,
  DHCP_Options: northbound.DHCP_Options,
  Logical_Router: northbound.Logical_Router,
  Logical_Router_Port: northbound.Logical_Router_Port,
  Logical_Router_Static_Route: northbound.Logical_Router_Static_Route,
  NAT: northbound.NAT,
  Load_Balancer: northbound.Load_Balancer,
  QoS: northbound.QoS,
  Gateway_Chassis: northbound.Gateway_Chassis,
  NB_Global: northbound.NB_Global,
};

export const sbTables = {
  Chassis: southbound.Chassis,
  Chassis_Private: southbound.Chassis_Private,
  Port_Binding: southbound.Port_Binding,
  Datapath_Binding: southbound.Datapath_Binding,
  SB_Global: southbound.SB_Global,
};

export type Nb = typeof nbTables;
export type Sb = typeof sbTables;
export type NbTable = keyof Nb;

const PREFIX = 'neutron-';

export const switchName = (networkId: string): string => `${PREFIX}${networkId}`;
export const routerName = (routerId: string): string => `${PREFIX}${routerId}`;
export const localnetName = (networkId: string): string => `provnet-${networkId}`;
export const routerPortName = (portId: string): string => `lrp-${portId}`;
export const portGroupName = (groupId: string): string => `pg_${groupId.replaceAll('-', '_')}`;
export const addressSetName = (groupId: string, version: 4 | 6): string =>
  `as_ip${version}_${groupId.replaceAll('-', '_')}`;

/** Who a load balancer that forwards ports says it belongs to. */
export const PORT_FORWARDING = 'port_forwarding_plugin';
export const balancerName = (fipId: string, protocol: string): string => `pf-floatingip-${fipId}-${protocol}`;

/** What a QoS row is known by: of whom, and which way. */
export const qosKey = (of: 'port' | 'fip', id: string, direction: string): string =>
  `${of} ${id} ${direction}`;

/** Holds every port with port security; what no security group lets through ends here. */
export const DROP_GROUP = 'neutron_pg_drop';

/** The network's or router's id in a row's name; undefined for rows that are not ours. */
export function idInName(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}

const GROUP_NAME = /^pg_([0-9a-f]{8})_([0-9a-f]{4})_([0-9a-f]{4})_([0-9a-f]{4})_([0-9a-f]{12})$/;
const SET_NAME = /^as_ip[46]_([0-9a-f]{8})_([0-9a-f]{4})_([0-9a-f]{4})_([0-9a-f]{4})_([0-9a-f]{12})$/;

/** The security group's id in a port group's name. */
export function idInGroupName(name: string): string | undefined {
  return GROUP_NAME.exec(name)?.slice(1).join('-');
}

/** The address group's id in an address set's name. */
export function idInSetName(name: string): string | undefined {
  return SET_NAME.exec(name)?.slice(1).join('-');
}

export const KEY = {
  revision: 'neutron:revision_number',
  networkName: 'neutron:network_name',
  portName: 'neutron:port_name',
  deviceId: 'neutron:device_id',
  deviceOwner: 'neutron:device_owner',
  projectId: 'neutron:project_id',
  cidrs: 'neutron:cidrs',
  groups: 'neutron:security_group_ids',
  vnicType: 'neutron:vnic_type',
  hostId: 'neutron:host_id',
  mtu: 'neutron:mtu',
  zoneHints: 'neutron:availability_zone_hints',
  routerName: 'neutron:router_name',
  gatewayPort: 'neutron:gw_port_id',
  subnetIds: 'neutron:subnet_ids',
  isGateway: 'neutron:is_ext_gw',
  rule: 'neutron:security_group_rule_id',
  group: 'neutron:security_group_id',
  addressGroup: 'neutron:address_group_id',
  fip: 'neutron:fip_id',
  fipPort: 'neutron:fip_port_id',
  fipMac: 'neutron:fip_external_mac',
  fipNetwork: 'neutron:fip_network_id',
  qosPort: 'neutron:port_id',
  subnet: 'subnet_id',
  port: 'port_id',
} as const;

/** Keys of `external_ids` that are ours to set and to remove; those of others are left alone. */
export function isOwnKey(key: string): boolean {
  return key.startsWith('neutron:') || key === KEY.subnet || key === KEY.port;
}
