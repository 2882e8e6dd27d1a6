// The DHCP answers of a subnet, and of a port that has options of its own. OVN answers from these rows on the host of
// the guest itself. Pure.
import { createHash } from 'node:crypto';
import type { PortRow, SubnetRow } from '../../tables.ts';
import type { DesiredRow } from '../desired.ts';
import { hasDhcp, type Facts, type RenderOptions } from '../facts.ts';
import { KEY } from '../model.ts';

const METADATA_CIDR = '169.254.169.254/32';
/** Server identity where a subnet has neither gateway nor metadata port; never an address of a guest. */
const NO_SERVER = '169.254.169.253';

type Options = Record<string, string>;

export const dhcpKey = (subnetId: string, portId?: string): string =>
  portId === undefined ? subnetId : `${subnetId} ${portId}`;

/** The server's MAC: the same for a subnet for ever, so that leases survive whatever is rebuilt. */
export function serverMac(subnetId: string): string {
  const digest = createHash('sha256').update(subnetId).digest('hex');
  return `fa:16:3e:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}

export function renderSubnet(subnet: SubnetRow, facts: Facts, options: RenderOptions): DesiredRow[] {
  if (!hasDhcp(subnet)) return [];
  return [
    dhcpRow(subnet, dhcpOptions(subnet, facts, options), { [KEY.subnet]: subnet.id }, dhcpKey(subnet.id)),
  ];
}

interface ExtraOption {
  readonly opt_name: string;
  readonly opt_value: string | null;
  readonly ip_version?: number | string;
}

export function extraOptions(port: PortRow, version: 4 | 6): ExtraOption[] {
  const all = JSON.parse(port.extra_dhcp_opts) as ExtraOption[];
  return all.filter((each) => Number(each.ip_version ?? 4) === version);
}

export function isDhcpDisabled(extra: readonly ExtraOption[]): boolean {
  return extra.some((each) => each.opt_name === 'dhcp_disabled' && /^true$/i.test(each.opt_value ?? ''));
}

/** The row of a port whose options differ from its subnet's. */
export function renderPortDhcp(
  port: PortRow,
  subnet: SubnetRow,
  facts: Facts,
  options: RenderOptions,
): DesiredRow | undefined {
  const names = subnet.ip_version === 4 ? OPTION_NAMES_4 : OPTION_NAMES_6;
  const own = extraOptions(port, subnet.ip_version).flatMap(({ opt_name, opt_value }) => {
    const name = names.get(opt_name.toLowerCase());
    return name === undefined || opt_value === null ? [] : [[name, optionValue(name, opt_value)] as const];
  });
  if (own.length === 0) return undefined;
  const merged = { ...dhcpOptions(subnet, facts, options), ...Object.fromEntries(own) };
  return dhcpRow(
    subnet,
    merged,
    { [KEY.subnet]: subnet.id, [KEY.port]: port.id },
    dhcpKey(subnet.id, port.id),
  );
}

function dhcpRow(subnet: SubnetRow, options: Options, ids: Options, key: string): DesiredRow {
  const external_ids = { ...ids, [KEY.revision]: String(subnet.revision_number) };
  return { table: 'DHCP_Options', key, columns: { cidr: subnet.cidr, options, external_ids } };
}

function dhcpOptions(subnet: SubnetRow, facts: Facts, options: RenderOptions): Options {
  return subnet.ip_version === 4 ? optionsV4(subnet, facts, options) : optionsV6(subnet, options);
}

function optionsV4(subnet: SubnetRow, facts: Facts, options: RenderOptions): Options {
  const network = facts.networks.get(subnet.network_id);
  const metadata = metadataAddress(subnet, facts);
  const domain = options.dnsDomain.replace(/\.$/, '');
  const servers = JSON.parse(subnet.dns_nameservers) as string[];
  const routes = classlessRoutes(subnet, metadata);
  return {
    server_id: subnet.gateway_ip ?? metadata ?? NO_SERVER,
    server_mac: serverMac(subnet.id),
    lease_time: String(options.dhcpLeaseSeconds),
    ...(network ? { mtu: String(network.mtu) } : {}),
    ...(subnet.gateway_ip === null ? {} : { router: subnet.gateway_ip }),
    ...(servers.length > 0 ? { dns_server: `{${servers.join(', ')}}` } : {}),
    ...(domain === '' ? {} : { domain_name: `"${domain}"` }),
    ...(routes.length > 0 ? { classless_static_route: `{${routes.join(', ')}}` } : {}),
  };
}

function metadataAddress(subnet: SubnetRow, facts: Facts): string | undefined {
  const port = facts.metadataPortOfNetwork.get(subnet.network_id);
  const addresses = port ? (facts.addressesOfPort.get(port.id) ?? []) : [];
  return addresses.find((each) => each.subnet_id === subnet.id)?.ip_address;
}

/** Clients that take this option ignore `router`, so that the default route is in it as well. */
function classlessRoutes(subnet: SubnetRow, metadata: string | undefined): string[] {
  const hostRoutes = JSON.parse(subnet.host_routes) as Array<{ destination: string; nexthop: string }>;
  const routes = [
    ...(metadata === undefined ? [] : [`${METADATA_CIDR},${metadata}`]),
    ...hostRoutes.map((route) => `${route.destination},${route.nexthop}`),
  ];
  const ownDefault = hostRoutes.some((route) => route.destination === '0.0.0.0/0');
  if (routes.length > 0 && subnet.gateway_ip !== null && !ownDefault)
    routes.push(`0.0.0.0/0,${subnet.gateway_ip}`);
  return routes;
}

function optionsV6(subnet: SubnetRow, options: RenderOptions): Options {
  const servers = JSON.parse(subnet.dns_nameservers) as string[];
  const domain = options.dnsDomain.replace(/\.$/, '');
  return {
    server_id: serverMac(subnet.id),
    ...(subnet.ipv6_address_mode === 'dhcpv6-stateless' ? { dhcpv6_stateless: 'true' } : {}),
    ...(servers.length > 0 ? { dns_server: `{${servers.join(', ')}}` } : {}),
    ...(domain === '' ? {} : { domain_search: `"${domain}"` }),
  };
}

/** Names that clients use (dnsmasq's, RFC numbers) → OVN's. What is not here OVN cannot answer. */
const OPTION_NAMES_4: ReadonlyMap<string, string> = new Map([
  ['netmask', 'netmask'],
  ['1', 'netmask'],
  ['router', 'router'],
  ['3', 'router'],
  ['dns-server', 'dns_server'],
  ['6', 'dns_server'],
  ['log-server', 'log_server'],
  ['7', 'log_server'],
  ['lpr-server', 'lpr_server'],
  ['9', 'lpr_server'],
  ['hostname', 'hostname'],
  ['12', 'hostname'],
  ['domain-name', 'domain_name'],
  ['15', 'domain_name'],
  ['swap-server', 'swap_server'],
  ['16', 'swap_server'],
  ['ip-forward-enable', 'ip_forward_enable'],
  ['19', 'ip_forward_enable'],
  ['router-discovery', 'router_discovery'],
  ['31', 'router_discovery'],
  ['router-solicitation', 'router_solicitation'],
  ['32', 'router_solicitation'],
  ['default-ttl', 'default_ttl'],
  ['23', 'default_ttl'],
  ['mtu', 'mtu'],
  ['26', 'mtu'],
  ['arp-timeout', 'arp_cache_timeout'],
  ['35', 'arp_cache_timeout'],
  ['ethernet-encap', 'ethernet_encap'],
  ['36', 'ethernet_encap'],
  ['tcp-ttl', 'tcp_ttl'],
  ['37', 'tcp_ttl'],
  ['tcp-keepalive', 'tcp_keepalive_interval'],
  ['38', 'tcp_keepalive_interval'],
  ['nis-server', 'nis_server'],
  ['41', 'nis_server'],
  ['ntp-server', 'ntp_server'],
  ['42', 'ntp_server'],
  ['netbios-ns', 'netbios_name_server'],
  ['44', 'netbios_name_server'],
  ['lease-time', 'lease_time'],
  ['51', 'lease_time'],
  ['t1', 'T1'],
  ['58', 'T1'],
  ['t2', 'T2'],
  ['59', 'T2'],
  ['tftp-server', 'tftp_server'],
  ['66', 'tftp_server'],
  ['bootfile-name', 'bootfile_name'],
  ['67', 'bootfile_name'],
  ['domain-search', 'domain_search_list'],
  ['119', 'domain_search_list'],
  ['classless-static-route', 'classless_static_route'],
  ['121', 'classless_static_route'],
  ['tftp-server-address', 'tftp_server_address'],
  ['server-ip-address', 'tftp_server_address'],
  ['150', 'tftp_server_address'],
  ['path-prefix', 'path_prefix'],
  ['210', 'path_prefix'],
  ['wpad', 'wpad'],
  ['252', 'wpad'],
]);

const OPTION_NAMES_6: ReadonlyMap<string, string> = new Map([
  ['dns-server', 'dns_server'],
  ['23', 'dns_server'],
  ['domain-search', 'domain_search'],
  ['24', 'domain_search'],
]);

const TEXT_OPTIONS = new Set([
  'hostname',
  'domain_name',
  'tftp_server',
  'bootfile_name',
  'path_prefix',
  'wpad',
  'domain_search',
  'domain_search_list',
]);
const LIST_OPTIONS = new Set([
  'dns_server',
  'log_server',
  'lpr_server',
  'swap_server',
  'nis_server',
  'ntp_server',
  'netbios_name_server',
  'classless_static_route',
]);

/** As OVN's expression language wants it: texts quoted, lists in braces. */
function optionValue(name: string, value: string): string {
  // A quote would end the text and let the rest of the value be read as part of OVN's expression.
  if (TEXT_OPTIONS.has(name)) return `"${value.replace(/["\\\n]/g, '')}"`;
  const plain = value.replace(/[^0-9A-Za-z.:,/ _-]/g, '');
  return LIST_OPTIONS.has(name) && plain.includes(',') ? `{${plain}}` : plain;
}
