// IP protocols by the names that the API takes, and their numbers (IANA's protocol registry).

const NUMBERS: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  icmp: 1,
  icmpv6: 58,
  igmp: 2,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
};

export const PROTOCOL_NAMES: readonly string[] = Object.keys(NUMBERS);

/** The protocol's number; undefined for what is no protocol. For IPv6, `icmp` means ICMPv6. */
export function protocolNumber(protocol: string, ethertype: string): number | undefined {
  if (/^\d{1,3}$/.test(protocol)) {
    const number = Number(protocol);
    return number <= 255 ? number : undefined;
  }
  if (protocol === 'icmp' && ethertype === 'IPv6') return 58;
  return Object.hasOwn(NUMBERS, protocol) ? NUMBERS[protocol] : undefined;
}

/** One text for all the names of a protocol, to compare rules by. */
export function canonicalProtocol(protocol: string | null, ethertype: string): string | null {
  if (protocol === null) return null;
  const number = protocolNumber(protocol, ethertype);
  return number === undefined ? protocol : String(number);
}
