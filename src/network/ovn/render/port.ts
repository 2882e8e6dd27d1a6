// A port as a switch port, its DHCP options and its place in port groups. Pure.
import type { PortRow } from '../../tables.ts';
import { DISTRIBUTED, FLOATING_IP, isNetworkOwned, isRouterOwned } from '../../ports/owners.ts';
import type { DesiredRow, RowRef } from '../desired.ts';
import { cidrsOfPort, hasDhcp, subnetsOfPort, type Facts, type RenderOptions } from '../facts.ts';
import { DROP_GROUP, KEY, portGroupName, routerPortName, switchName } from '../model.ts';
import { renderPortQos } from './qos.ts';
import { dhcpKey, extraOptions, isDhcpDisabled, renderPortDhcp } from './dhcp.ts';

type Columns = Extract<DesiredRow, { table: 'Logical_Switch_Port' }>['columns'];

export function renderPort(port: PortRow, facts: Facts, options: RenderOptions): DesiredRow[] {
  // The address lives in the router's NAT rows: nothing is plugged that could have it.
  if (port.device_owner === FLOATING_IP) return [];
  const dhcp = { 4: dhcpOf(port, 4, facts, options), 6: dhcpOf(port, 6, facts, options) };
  const row: DesiredRow = {
    table: 'Logical_Switch_Port',
    key: port.id,
    columns: { ...addressing(port, facts), ...identity(port, facts), ...placeInTrunk(port, facts) },
    parent: { table: 'Logical_Switch', key: switchName(port.network_id), column: 'ports' },
    links: { dhcpv4_options: dhcp[4].link, dhcpv6_options: dhcp[6].link },
    groups: groupsOf(port, facts),
  };
  return [row, ...dhcp[4].rows, ...dhcp[6].rows, ...renderPortQos(port, facts)];
}

function isSecured(port: PortRow): boolean {
  return port.port_security_enabled === 1 && !isNetworkOwned(port.device_owner);
}

export function groupsOf(port: PortRow, facts: Facts): string[] {
  if (!isSecured(port)) return [];
  return [DROP_GROUP, ...(facts.groupsOfPort.get(port.id) ?? []).map(portGroupName)];
}

function identity(port: PortRow, facts: Facts): Columns {
  return {
    name: port.id,
    enabled: port.admin_state_up === 1,
    external_ids: {
      [KEY.portName]: port.name,
      [KEY.deviceId]: port.device_id,
      [KEY.deviceOwner]: port.device_owner,
      [KEY.projectId]: port.project_id,
      [KEY.networkName]: switchName(port.network_id),
      [KEY.cidrs]: cidrsOfPort(port.id, facts).join(' '),
      [KEY.groups]: (facts.groupsOfPort.get(port.id) ?? []).toSorted().join(' '),
      [KEY.vnicType]: port.binding_vnic_type,
      [KEY.hostId]: port.binding_host_id,
      [KEY.revision]: String(port.revision_number),
    },
  };
}

function addressing(port: PortRow, facts: Facts): Columns {
  if (isRouterOwned(port.device_owner)) {
    return {
      type: 'router',
      addresses: ['router'],
      port_security: [],
      options: { 'router-port': routerPortName(port.id), ...(isExternal(port, facts) ? NAT_ANNOUNCED : {}) },
    };
  }
  const ips = (facts.addressesOfPort.get(port.id) ?? []).map((each) => each.ip_address);
  const own = [port.mac_address, ...ips].join(' ');
  if (port.device_owner === DISTRIBUTED) {
    return { type: 'localport', addresses: [own], port_security: [], options: {} };
  }
  const options = { mcast_flood_reports: 'true', ...whereToPlug(port, facts) };
  if (port.port_security_enabled !== 1) {
    return { type: '', addresses: [own, 'unknown'], port_security: [], options };
  }
  const { sameMac, otherMacs } = addressPairs(port);
  const port_security = [
    [own, ...sameMac].join(' '),
    ...otherMacs.map(([mac, more]) => [mac, ...more].join(' ')),
  ];
  return { type: '', addresses: [own, ...otherMacs.map(([mac]) => mac)], port_security, options };
}

/** The gateway's chassis announces floating IPs on the physical network. */
const NAT_ANNOUNCED = { 'nat-addresses': 'router', 'exclude-lb-vips-from-garp': 'true' };

function isExternal(port: PortRow, facts: Facts): boolean {
  return (
    port.device_owner === 'network:router_gateway' && facts.networks.get(port.network_id)?.external === 1
  );
}

/** A subport's interface is its parent's: what the guest sends there with the tag. */
function placeInTrunk(port: PortRow, facts: Facts): Columns {
  const place = facts.trunkPlaceOfPort.get(port.id);
  return { parent_name: place?.parent.id ?? null, tag: place?.tag ?? null };
}

/** A subport is where its parent is, and waits for no RARP of its own: the guest's opens the interface for all tags. */
function whereToPlug(port: PortRow, facts: Facts): Record<string, string> {
  const place = facts.trunkPlaceOfPort.get(port.id);
  const requested = requestedChassis(place?.parent ?? port, facts);
  return {
    ...(requested === '' ? {} : { 'requested-chassis': requested }),
    ...(requested.includes(',') && !place ? { 'activation-strategy': 'rarp' } : {}),
  };
}

/**
 * More than one host while a guest moves: OVN lets each plug the port, the first as its chassis. What is plugged at the
 * others is cut off until the guest runs there and says so by a RARP, so that packets never reach two guests.
 */
function requestedChassis(port: PortRow, facts: Facts): string {
  if (port.binding_host_id === '') return '';
  const profile = JSON.parse(port.binding_profile) as { migrating_to?: unknown };
  const target = typeof profile.migrating_to === 'string' ? [profile.migrating_to] : [];
  const further = [...target, ...(facts.furtherHostsOfPort.get(port.id) ?? [])].filter((host) => host !== '');
  return [...new Set([port.binding_host_id, ...further])].join(',');
}

function addressPairs(port: PortRow): { sameMac: string[]; otherMacs: Array<[string, string[]]> } {
  const pairs = JSON.parse(port.allowed_address_pairs) as Array<{ ip_address: string; mac_address?: string }>;
  const sameMac: string[] = [];
  const others = new Map<string, string[]>();
  for (const pair of pairs) {
    const mac = pair.mac_address?.toLowerCase() ?? port.mac_address;
    if (mac === port.mac_address) sameMac.push(pair.ip_address);
    else others.set(mac, [...(others.get(mac) ?? []), pair.ip_address]);
  }
  return { sameMac, otherMacs: [...others] };
}

/** OVN takes one set of options per family: those of the first subnet that has DHCP. */
function dhcpOf(
  port: PortRow,
  version: 4 | 6,
  facts: Facts,
  options: RenderOptions,
): { link: RowRef | null; rows: DesiredRow[] } {
  const none = { link: null, rows: [] };
  if (isNetworkOwned(port.device_owner) || isDhcpDisabled(extraOptions(port, version))) return none;
  const subnet = subnetsOfPort(port.id, facts).find((each) => each.ip_version === version && hasDhcp(each));
  if (!subnet) return none;
  const own = renderPortDhcp(port, subnet, facts, options);
  return { link: { table: 'DHCP_Options', key: own?.key ?? dhcpKey(subnet.id) }, rows: own ? [own] : [] };
}
