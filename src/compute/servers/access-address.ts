// The access addresses of a server as they are kept: callers of create, update and rebuild write IPv6 in many ways.
import ipaddr from 'ipaddr.js';

/** @param text valid by the schema, or empty @returns the shortest form (RFC 5952), without an IPv4 tail */
export function canonicalIpv6(text: string): string | null {
  return text === '' ? null : ipaddr.IPv6.parse(text).toRFC5952String();
}
