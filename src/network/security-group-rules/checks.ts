// What a rule's protocol, ports and peers must satisfy. Pure.
import { badRequest, invalidInput } from '../errors.ts';
import { parseCidr, parseIp } from '../ipam/address.ts';
import { PROTOCOL_NAMES, protocolNumber } from './protocols.ts';

const ICMP = new Set([1, 58]);
const WITH_PORTS = new Set([6, 17, 33, 132, 136]);

/** `IPv4` or `IPv6`, whatever the case. @throws NetworkError 400 */
export function checkEthertype(text: string): 'IPv4' | 'IPv6' {
  const lower = text.toLowerCase();
  if (lower === 'ipv4') return 'IPv4';
  if (lower === 'ipv6') return 'IPv6';
  throw badRequest(
    'SecurityGroupRuleInvalidEtherType',
    `Security group rule for ethertype '${text}' not supported. Allowed values are ['IPv4', 'IPv6'].`,
  );
}

/** Name or number in canonical case; null: any. @throws NetworkError 400 */
export function checkProtocol(value: unknown, ethertype: string): string | null {
  if (value === null || value === undefined || value === '') return null;
  const text = String(value).toLowerCase();
  if (text === 'any' || text === '-1') return null;
  const number = protocolNumber(text, ethertype);
  if (number === undefined)
    throw badRequest(
      'SecurityGroupRuleInvalidProtocol',
      `Security group rule protocol ${text} not supported. Only protocol values [${PROTOCOL_NAMES.join(', ')}] and integer representations [0 to 255] are supported.`,
    );
  const onlyV6 = number === 58 || text.startsWith('ipv6-');
  if (onlyV6 && ethertype === 'IPv4')
    throw badRequest(
      'SecurityGroupEthertypeConflictWithProtocol',
      `Invalid ethertype IPv4 for protocol ${text}.`,
    );
  return text;
}

/** @throws NetworkError 400 with upstream's words, which tests look for. */
export function checkPortRange(
  protocol: string | null,
  ethertype: string,
  min: number | null,
  max: number | null,
): void {
  if (min === null && max === null) return;
  const number = protocol === null ? undefined : protocolNumber(protocol, ethertype);
  if (number === undefined)
    throw badRequest(
      'SecurityGroupProtocolRequiredWithPorts',
      'Must also specify protocol if port range is given.',
    );
  if (ICMP.has(number)) return checkIcmp(min, max);
  if (!WITH_PORTS.has(number))
    throw badRequest(
      'SecurityGroupInvalidProtocolForPort',
      `Invalid protocol ${protocol} for port range, only valid for TCP, UDP, UDPLITE, SCTP and DCCP.`,
    );
  for (const port of [min, max])
    if (port !== null && (port < 0 || port > 65_535))
      throw badRequest('SecurityGroupInvalidPortValue', `Invalid value for port ${port}`);
  if (min === null || max === null || min > max || (min === 0 && number !== 0))
    throw badRequest(
      'SecurityGroupInvalidPortRange',
      'For TCP/UDP protocols, port_range_min must be <= port_range_max',
    );
}

function checkIcmp(type: number | null, code: number | null): void {
  if (type === null)
    throw badRequest(
      'SecurityGroupMissingIcmpType',
      `ICMP code (port-range-max) ${code} is provided but ICMP type (port-range-min) is missing.`,
    );
  if (type < 0 || type > 255)
    throw badRequest(
      'SecurityGroupInvalidIcmpValue',
      `Invalid value for ICMP type (port-range-min) ${type}. It must be 0 to 255.`,
    );
  if (code !== null && (code < 0 || code > 255))
    throw badRequest(
      'SecurityGroupInvalidIcmpValue',
      `Invalid value for ICMP code (port-range-max) ${code}. It must be 0 to 255.`,
    );
}

/** A CIDR; a bare address becomes one. @throws NetworkError 400 */
export function checkPrefix(text: string, ethertype: string): string {
  const ip = parseIp(text);
  const full = ip ? `${text}/${ip.version === 4 ? 32 : 128}` : text;
  const cidr = parseCidr(full);
  if (!cidr) throw invalidInput(`'${text}' is not a valid IP prefix`);
  if ((cidr.version === 4) !== (ethertype === 'IPv4'))
    throw badRequest(
      'SecurityGroupRuleParameterConflict',
      `Conflicting value ethertype ${ethertype} for CIDR ${text}`,
    );
  return full;
}
