// Which addresses a download on behalf of a tenant may reach: those of the public internet, and what the operator names.
// Anything else could be the cloud itself, its hosts or its metadata service. Pure. Source: IANA special-purpose registries.
import { BlockList, isIP } from 'node:net';

const INSIDE_4: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carriers' NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, metadata services
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
];

/** The only unicast addresses of the internet; all else (loopback, ULA, link-local, IPv4-mapped, NAT64 …) is inside. */
const OUTSIDE_6 = '2000::/3';

/** What in there is not, or holds an IPv4 address that would have to be judged again. */
const INSIDE_6: readonly string[] = [
  '2001::/23', // protocol assignments, Teredo
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
];

const inside4 = networks(INSIDE_4);
const outside6 = networks([OUTSIDE_6]);
const inside6 = networks(INSIDE_6);

/** A set of networks, as `10.0.0.0/8` or `fd00::/8`; an address alone is a network of one. @throws RangeError */
export function networks(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix, more] = cidr.split('/');
    const family = isIP(address);
    const length = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
    const fits = more === undefined && /^\d{0,3}$/.test(prefix ?? '') && length <= (family === 6 ? 128 : 32);
    if (family === 0 || !fits) throw new RangeError(`${JSON.stringify(cidr)} is no network`);
    list.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** @param allowed inside networks that may be reached all the same. False for what is no address at all */
export function mayReach(address: string, allowed: BlockList): boolean {
  const family = address.includes('%') ? 0 : isIP(address); // a zone is a link of this machine
  if (family === 4) return allowed.check(address, 'ipv4') || !inside4.check(address, 'ipv4');
  if (family !== 6) return false;
  if (allowed.check(address, 'ipv6')) return true;
  return outside6.check(address, 'ipv6') && !inside6.check(address, 'ipv6');
}
