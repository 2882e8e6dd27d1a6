// IP addresses, prefixes and ranges as numbers. Pure; used by everything that computes with addresses.
import ipaddr from 'ipaddr.js';

export type IpVersion = 4 | 6;

export interface Ip {
  readonly version: IpVersion;
  readonly value: bigint;
}

export interface Cidr {
  readonly version: IpVersion;
  readonly first: bigint;
  readonly last: bigint;
  readonly prefix: number;
}

export interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

const BITS: Readonly<Record<IpVersion, number>> = { 4: 32, 6: 128 };

/** Undefined for what is no address; IPv4 only as four decimals, IPv6 without a zone. */
export function parseIp(text: string): Ip | undefined {
  if (text.includes(':')) {
    if (text.includes('%') || text.length > 45 || !ipaddr.IPv6.isValid(text)) return undefined;
    return { version: 6, value: toNumber(ipaddr.IPv6.parse(text).toByteArray()) };
  }
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) || /(^|\.)0\d/.test(text)) return undefined;
  return { version: 4, value: toNumber(ipaddr.IPv4.parse(text).toByteArray()) };
}

function toNumber(bytes: readonly number[]): bigint {
  return BigInt(`0x${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
}

/** The canonical text (RFC 5952 for IPv6). */
export function formatIp({ version, value }: Ip): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const bytes = value.toString(16).padStart(32, '0').match(/../g) ?? [];
  return new ipaddr.IPv6(bytes.map((byte) => Number.parseInt(byte, 16))).toRFC5952String();
}

/** 32 hex digits whose text order is address order, IPv4 mapped into its own place. */
export function ipKey({ version, value }: Ip): string {
  return (version === 4 ? value + 0xffff_0000_0000n : value).toString(16).padStart(32, '0');
}

export function ipOfKey(key: string, version: IpVersion): bigint {
  const value = BigInt(`0x${key}`);
  return version === 4 ? value - 0xffff_0000_0000n : value;
}

/** `10.0.0.7/24` is read as the network it lies in. Undefined when there is no valid prefix length. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const ip = match?.[1] === undefined ? undefined : parseIp(match[1]);
  const prefix = Number(match?.[2]);
  if (!ip || prefix > BITS[ip.version]) return undefined;
  return cidrOf(ip, prefix);
}

export function cidrOf(ip: Ip, prefix: number): Cidr {
  const hostBits = BigInt(BITS[ip.version] - prefix);
  const first = (ip.value >> hostBits) << hostBits;
  return { version: ip.version, first, last: first + (1n << hostBits) - 1n, prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp({ version: cidr.version, value: cidr.first })}/${cidr.prefix}`;
}

export function contains(outer: Range, value: bigint): boolean {
  return outer.first <= value && value <= outer.last;
}

export function covers(outer: Cidr, inner: Cidr): boolean {
  return outer.version === inner.version && outer.first <= inner.first && inner.last <= outer.last;
}

export function overlaps(a: Range & { version?: IpVersion }, b: Range & { version?: IpVersion }): boolean {
  return a.version === b.version && a.first <= b.last && b.first <= a.last;
}

/** False for the addresses that name the subnet itself or everyone on it. */
export function isHostAddress(cidr: Cidr, value: bigint): boolean {
  if (!contains(cidr, value)) return false;
  if (cidr.version === 4) return cidr.prefix >= 31 || (value !== cidr.first && value !== cidr.last);
  return cidr.prefix >= 127 || value !== cidr.first;
}

const MAC = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

export function isUnicastMac(mac: string): boolean {
  return MAC.test(mac) && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && !/^(00[:-]){5}00$/.test(mac);
}

/** The address that a guest with this MAC gives itself in a /64 (RFC 4291, modified EUI-64). */
export function eui64(cidr: Cidr, mac: string): bigint {
  const bytes = mac.split(/[:-]/).map((byte) => BigInt(`0x${byte}`));
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = bytes;
  const id = [a ^ 2n, b, c, 0xffn, 0xfen, d, e, f].reduce((sum, byte) => (sum << 8n) | byte, 0n);
  return cidr.first | id;
}

/** The ranges of `from` that none of `holes` covers; both ascending. */
export function subtractRanges(from: readonly Range[], holes: readonly Range[]): Range[] {
  let left = [...from];
  for (const hole of holes) {
    left = left.flatMap((range) =>
      hole.last < range.first || hole.first > range.last
        ? [range]
        : [
            ...(hole.first > range.first ? [{ first: range.first, last: hole.first - 1n }] : []),
            ...(hole.last < range.last ? [{ first: hole.last + 1n, last: range.last }] : []),
          ],
    );
  }
  return left;
}
