// Which addresses a port gets: those asked for, or one IPv4, one stateful IPv6 and every SLAAC address of its network.
import type { IpAllocationRow, SubnetRow } from '../tables.ts';
import { badRequest, conflict, invalidInput } from '../errors.ts';
import type { Sql } from '../rest/deps.ts';
import { deleteRows, equals, selectRows } from '../rest/select.ts';
import { isL3Owned, isRouterOwned } from '../ports/owners.ts';
import {
  contains,
  eui64,
  formatIp,
  isHostAddress,
  parseCidr,
  parseIp,
  type Cidr,
  type Ip,
} from './address.ts';
import { nextFreeAddress, reserveAddress } from './allocate.ts';

export interface FixedIpWish {
  readonly subnet_id?: string;
  readonly ip_address?: string;
}

export interface PortIdentity {
  readonly id: string;
  readonly network_id: string;
  readonly mac_address: string;
  readonly device_owner: string;
}

/** True for subnets whose guests make their own address out of their MAC. */
export function isAutoAddress(subnet: SubnetRow): boolean {
  const modes = [subnet.ipv6_address_mode, subnet.ipv6_ra_mode];
  return subnet.ip_version === 6 && (modes.includes('slaac') || modes.includes('dhcpv6-stateless'));
}

export async function subnetsOfNetwork(db: Sql, networkId: string): Promise<SubnetRow[]> {
  const rows = await selectRows(db, 'subnets', [equals('network_id', networkId)]);
  return rows.sort((a, b) => (a.created_at + a.id < b.created_at + b.id ? -1 : 1));
}

function cidrOfSubnet(subnet: SubnetRow): Cidr {
  const cidr = parseCidr(subnet.cidr);
  if (!cidr) throw new Error(`subnet ${subnet.id} has no valid CIDR`);
  return cidr;
}

export function slaacAddress(subnet: SubnetRow, mac: string): Ip {
  return { version: 6, value: eui64(cidrOfSubnet(subnet), mac) };
}

/** Without wishes: what the network's subnets offer. @throws NetworkError 409 when a pool is exhausted. */
export async function allocateAutomatically(db: Sql, port: PortIdentity): Promise<void> {
  const subnets = (await subnetsOfNetwork(db, port.network_id)).filter((subnet) =>
    serves(subnet, port.device_owner),
  );
  let position = 0;
  const pick = async (candidates: readonly SubnetRow[]): Promise<void> => {
    if (candidates.length === 0) return;
    for (const subnet of candidates) {
      const ip = await nextFreeAddress(db, subnet);
      if (!ip) continue;
      await reserveAddress(db, subnet, port.id, ip, position++);
      return;
    }
    throw exhausted(port.network_id);
  };
  await pick(subnets.filter((subnet) => subnet.ip_version === 4));
  await pick(subnets.filter((subnet) => subnet.ip_version === 6 && !isAutoAddress(subnet)));
  if (isRouterOwned(port.device_owner)) return;
  for (const subnet of subnets.filter(isAutoAddress))
    await reserveAddress(db, subnet, port.id, slaacAddress(subnet, port.mac_address), position++);
}

export function exhausted(networkId: string): Error {
  return conflict('IpAddressGenerationFailure', `No more IP addresses available on network ${networkId}.`);
}

function serves(subnet: SubnetRow, owner: string): boolean {
  const types = JSON.parse(subnet.service_types) as string[];
  return types.length === 0 || types.some((type) => owner.startsWith(type));
}

interface Chosen {
  readonly subnet: SubnetRow;
  /** Undefined: any free one. */
  readonly ip: Ip | undefined;
}

/**
 * Makes the port's addresses those of `wishes`, keeping the ones it has already.
 * @throws NetworkError 400 for an address or subnet that does not fit, 409 when taken or exhausted.
 */
export async function allocateWishes(
  db: Sql,
  port: PortIdentity,
  wishes: readonly FixedIpWish[],
): Promise<void> {
  const subnets = await subnetsOfNetwork(db, port.network_id);
  const named = wishes.map((wish) => choose(subnets, port, wish));
  const chosen = [...named, ...announced(subnets, port, named)];
  const texts = chosen.flatMap(({ ip }) => (ip ? [formatIp(ip)] : []));
  if (new Set(texts).size !== texts.length) throw invalidInput('Duplicate IP address in request');
  const existing = await allocationsOf(db, port.id);
  const kept = match(existing, chosen);
  for (const row of existing) if (![...kept.values()].includes(row)) await removeAllocation(db, row);
  for (const [index, { subnet, ip }] of chosen.entries()) {
    const old = kept.get(index);
    if (old) {
      await setPosition(db, old, index);
      continue;
    }
    const free = ip ?? (await nextFreeAddress(db, subnet));
    if (!free) throw exhausted(port.network_id);
    await reserveAddress(db, subnet, port.id, free, index);
  }
}

/** Guests make an address of their own on every SLAAC subnet, whether somebody asks for it or not. */
function announced(subnets: readonly SubnetRow[], port: PortIdentity, named: readonly Chosen[]): Chosen[] {
  if (isL3Owned(port.device_owner) || named.length === 0) return [];
  return subnets
    .filter((subnet) => isAutoAddress(subnet) && serves(subnet, port.device_owner))
    .filter((subnet) => !named.some((each) => each.subnet.id === subnet.id))
    .map((subnet) => ({ subnet, ip: slaacAddress(subnet, port.mac_address) }));
}

function match(
  existing: readonly IpAllocationRow[],
  chosen: readonly Chosen[],
): Map<number, IpAllocationRow> {
  const kept = new Map<number, IpAllocationRow>();
  const used = new Set<IpAllocationRow>();
  const keep = (index: number, row: IpAllocationRow | undefined): void => {
    if (!row) return;
    kept.set(index, row);
    used.add(row);
  };
  for (const [index, { ip }] of chosen.entries()) {
    if (ip)
      keep(
        index,
        existing.find((row) => row.ip_address === formatIp(ip)),
      );
  }
  for (const [index, { subnet, ip }] of chosen.entries()) {
    if (!ip)
      keep(
        index,
        existing.find((row) => !used.has(row) && row.subnet_id === subnet.id),
      );
  }
  return kept;
}

function choose(subnets: readonly SubnetRow[], port: PortIdentity, wish: FixedIpWish): Chosen {
  const ip = wish.ip_address === undefined ? undefined : parseIp(wish.ip_address);
  if (wish.ip_address !== undefined && !ip)
    throw invalidInput(`'${wish.ip_address}' is not a valid IP address`);
  const subnet = findSubnet(subnets, port, wish, ip);
  if (ip && !isHostAddress(cidrOfSubnet(subnet), ip.value))
    throw badRequest(
      'InvalidIpForSubnet',
      `IP address ${wish.ip_address} is not a valid IP for the specified subnet.`,
    );
  if (!isAutoAddress(subnet) || isRouterOwned(port.device_owner)) return { subnet, ip };
  const own = slaacAddress(subnet, port.mac_address);
  if (ip && ip.value !== own.value)
    throw badRequest(
      'AllocationOnAutoAddressSubnet',
      `IPv6 address ${wish.ip_address} cannot be directly assigned to a port on subnet ${subnet.id} as the subnet is configured for automatic addresses`,
    );
  return { subnet, ip: own };
}

function findSubnet(
  subnets: readonly SubnetRow[],
  port: PortIdentity,
  wish: FixedIpWish,
  ip: Ip | undefined,
): SubnetRow {
  if (wish.subnet_id !== undefined) {
    const subnet = subnets.find((each) => each.id === wish.subnet_id);
    if (!subnet)
      throw invalidInput(
        `Failed to create port on network ${port.network_id}, because fixed_ips included invalid subnet ${wish.subnet_id}`,
      );
    if (ip && ip.version !== subnet.ip_version)
      throw badRequest(
        'InvalidIpForSubnet',
        `IP address ${wish.ip_address} is not a valid IP for the specified subnet.`,
      );
    return subnet;
  }
  if (!ip) throw invalidInput('IP allocation requires subnet_id or ip_address');
  const subnet = subnets.find(
    (each) => each.ip_version === ip.version && contains(cidrOfSubnet(each), ip.value),
  );
  if (!subnet)
    throw badRequest(
      'InvalidIpForNetwork',
      `IP address ${wish.ip_address} is not a valid IP for any of the subnets on the specified network.`,
    );
  return subnet;
}

export async function allocationsOf(db: Sql, portId: string): Promise<IpAllocationRow[]> {
  const rows = await selectRows(db, 'ip_allocations', [equals('port_id', portId)]);
  return rows.sort((a, b) => a.position - b.position);
}

export async function removeAllocation(db: Sql, row: IpAllocationRow): Promise<void> {
  await deleteRows(db, 'ip_allocations', [equals('subnet_id', row.subnet_id), equals('ip_key', row.ip_key)]);
}

async function setPosition(db: Sql, row: IpAllocationRow, position: number): Promise<void> {
  if (row.position === position) return;
  await db
    .updateTable('ip_allocations')
    .set({ position })
    .where('subnet_id', '=', row.subnet_id)
    .where('ip_key', '=', row.ip_key)
    .execute();
}
