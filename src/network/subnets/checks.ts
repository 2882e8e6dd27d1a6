// What a subnet's attributes must satisfy. Pure: addresses in, canonical values or a refusal out.
import { badRequest, conflict, invalidInput } from '../errors.ts';
import {
  contains,
  formatIp,
  isHostAddress,
  overlaps,
  parseCidr,
  parseIp,
  subtractRanges,
  type Cidr,
  type IpVersion,
  type Range,
} from '../ipam/address.ts';
import type { Pool } from '../ipam/allocate.ts';
import type { SubnetRow } from '../tables.ts';

export interface Route {
  readonly destination: string;
  readonly nexthop: string;
}

const MAX_NAMESERVERS = 5; // upstream's default
const MAX_ROUTES = 20; // upstream's default

/** Network and, for IPv4, broadcast address are nobody's; in IPv6 the first is the routers' anycast address. */
function hostRange(cidr: Cidr): Range {
  if (cidr.version === 4 && cidr.prefix < 31) return { first: cidr.first + 1n, last: cidr.last - 1n };
  if (cidr.version === 6 && cidr.prefix < 127) return { first: cidr.first + 1n, last: cidr.last };
  return cidr;
}

export function defaultPools(cidr: Cidr, gateway: string | null): Pool[] {
  const at = gateway === null ? undefined : parseIp(gateway);
  const holes = at && at.version === cidr.version ? [{ first: at.value, last: at.value }] : [];
  return subtractRanges([hostRange(cidr)], holes)
    .filter((range) => range.first <= range.last)
    .map((range) => poolOf(cidr.version, range));
}

function poolOf(version: IpVersion, range: Range): Pool {
  return {
    start: formatIp({ version, value: range.first }),
    end: formatIp({ version, value: range.last }),
  };
}

/** @throws NetworkError 400 or 409; in ascending order and canonical text. */
export function checkPools(cidr: Cidr, pools: readonly Pool[], gateway: string | null): Pool[] {
  const ranges = pools.map((pool) => readPool(cidr, pool)).sort((a, b) => (a.first < b.first ? -1 : 1));
  for (const [index, range] of ranges.entries()) {
    const before = ranges[index - 1];
    if (before && before.last >= range.first)
      throw conflict(
        'OverlappingAllocationPools',
        `Found overlapping allocation pools for subnet ${cidrText(cidr)}.`,
      );
    const at = gateway === null ? undefined : parseIp(gateway);
    if (at && at.version === cidr.version && contains(range, at.value))
      throw conflict(
        'GatewayConflictWithAllocationPools',
        `Gateway ip ${gateway} conflicts with allocation pool ${formatRange(cidr, range)}.`,
      );
  }
  return ranges.map((range) => poolOf(cidr.version, range));
}

function readPool(cidr: Cidr, pool: Pool): Range {
  const [start, end] = [parseIp(pool.start), parseIp(pool.end)];
  const text = `${pool.start}-${pool.end}`;
  if (!start || !end || start.version !== end.version || start.value > end.value)
    throw badRequest('InvalidAllocationPool', `The allocation pool ${text} is not valid.`);
  const hosts = hostRange(cidr);
  if (start.version !== cidr.version || !contains(hosts, start.value) || !contains(hosts, end.value))
    throw badRequest(
      'OutOfBoundsAllocationPool',
      `The allocation pool ${text} spans beyond the subnet cidr ${cidrText(cidr)}.`,
    );
  return { first: start.value, last: end.value };
}

function cidrText(cidr: Cidr): string {
  return `${formatIp({ version: cidr.version, value: cidr.first })}/${cidr.prefix}`;
}

function formatRange(cidr: Cidr, range: Range): string {
  const { start, end } = poolOf(cidr.version, range);
  return `${start}-${end}`;
}

/** Canonical gateway. Outside of the subnet is allowed (on-link routers), a network or broadcast address is not. */
export function checkGateway(cidr: Cidr, text: string): string {
  const ip = parseIp(text);
  if (!ip) throw invalidInput(`'${text}' is not a valid IP address`);
  if (ip.version !== cidr.version)
    throw invalidInput(`gateway_ip '${text}' does not match the ip_version '${cidr.version}'`);
  if (contains(cidr, ip.value) && !isHostAddress(cidr, ip.value))
    throw invalidInput(`Gateway is not valid on subnet ${cidrText(cidr)}`);
  return formatIp(ip);
}

export function checkNameservers(servers: readonly string[]): string[] {
  if (servers.length > MAX_NAMESERVERS)
    throw badRequest(
      'DNSNameServersExhausted',
      `Unable to complete operation: a subnet has at most ${MAX_NAMESERVERS} DNS nameservers.`,
    );
  const texts = servers.map((server) => {
    const ip = parseIp(server);
    if (!ip) throw invalidInput(`'${server}' is not a valid nameserver`);
    return formatIp(ip);
  });
  if (new Set(texts).size !== texts.length) throw invalidInput('Duplicate nameserver');
  return texts;
}

export function checkRoutes(
  version: IpVersion | undefined,
  routes: readonly Route[],
  most = MAX_ROUTES,
): Route[] {
  if (routes.length > most)
    throw badRequest(
      'HostRoutesExhausted',
      `Unable to complete operation: at most ${most} routes are allowed.`,
    );
  const checked = routes.map(({ destination, nexthop }) => {
    const cidr = parseCidr(destination);
    const ip = parseIp(nexthop);
    if (!cidr) throw invalidInput(`'${destination}' is not a valid CIDR`);
    if (!ip) throw invalidInput(`'${nexthop}' is not a valid IP address`);
    if (cidr.version !== ip.version || (version !== undefined && version !== ip.version))
      throw invalidInput(`route ${destination} via ${nexthop} mixes IP versions`);
    return { destination: cidrText(cidr), nexthop: formatIp(ip) };
  });
  const keys = checked.map((route) => `${route.destination} ${route.nexthop}`);
  if (new Set(keys).size !== keys.length) throw invalidInput('Duplicate route');
  return checked;
}

type Mode = SubnetRow['ipv6_ra_mode'];

/** Modes make sense for IPv6 with DHCP only, must agree, and SLAAC needs a /64. */
export function checkModes(cidr: Cidr, enableDhcp: boolean, ra: Mode, address: Mode): void {
  if (ra === null && address === null) return;
  if (cidr.version === 4)
    throw invalidInput('ipv6_ra_mode and ipv6_address_mode are valid only for IPv6 subnets');
  if (!enableDhcp)
    throw invalidInput('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False');
  if (ra !== null && address !== null && ra !== address)
    throw invalidInput(
      `ipv6_ra_mode set to '${ra}' with ipv6_address_mode set to '${address}' is not valid. If both attributes are set, they must be the same value`,
    );
  const auto = [ra, address].some((mode) => mode === 'slaac' || mode === 'dhcpv6-stateless');
  if (auto && cidr.prefix !== 64)
    throw invalidInput(
      `Invalid CIDR ${cidrText(cidr)} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`,
    );
}

/** @throws NetworkError 400 */
export function checkNoOverlap(cidr: Cidr, others: readonly SubnetRow[], networkId: string): void {
  for (const other of others) {
    const there = parseCidr(other.cidr);
    if (there && overlaps(cidr, there))
      throw invalidInput(
        `Requested subnet with cidr: ${cidrText(cidr)} for network: ${networkId} overlaps with another subnet`,
      );
  }
}

/** @throws NetworkError 400 for what cannot be a subnet. */
export function checkCidr(text: string, enableDhcp: boolean): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw invalidInput(`'${text}' is not a valid CIDR`);
  const top = cidr.first >> (cidr.version === 4 ? 24n : 120n);
  const multicast = cidr.version === 4 ? top >= 224n && top < 240n : top === 0xffn;
  const loopback = cidr.version === 4 ? top === 127n : cidr.first === 1n && cidr.prefix === 128;
  if (cidr.prefix === 0 || multicast || loopback)
    throw invalidInput(`Invalid CIDR ${text} given as IP prefix`);
  if (enableDhcp && cidr.version === 4 && cidr.prefix > 30)
    throw invalidInput(
      `Subnet ${text} is too small for DHCP: an IPv4 subnet with DHCP has a prefix of at most /30`,
    );
  return cidr;
}
