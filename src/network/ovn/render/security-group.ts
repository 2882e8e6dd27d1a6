// A security group as a port group with an ACL for each rule, the group that drops what no rule allows, and address
// groups as address sets. Pure.
import type { AddressGroupRow, SecurityGroupRow, SecurityGroupRuleRow } from '../../tables.ts';
import type { DesiredRow, PartOf } from '../desired.ts';
import { addressSetName, DROP_GROUP, KEY, portGroupName } from '../model.ts';

type Acl = Extract<PartOf, { table: 'ACL' }>['rows'][number];

const ALLOW_PRIORITY = 1002;
const DROP_PRIORITY = 1001;

export function renderSecurityGroup(
  group: SecurityGroupRow,
  rules: readonly SecurityGroupRuleRow[],
): DesiredRow[] {
  const name = portGroupName(group.id);
  const action = group.stateful === 1 ? 'allow-related' : 'allow-stateless';
  return [
    {
      table: 'Port_Group',
      key: name,
      columns: {
        name,
        external_ids: { [KEY.group]: group.id, [KEY.revision]: String(group.revision_number) },
      },
      parts: [{ table: 'ACL', column: 'acls', rows: rules.map((rule) => aclOfRule(rule, name, action)) }],
    },
  ];
}

function aclOfRule(rule: SecurityGroupRuleRow, group: string, action: Acl['action'] & string): Acl {
  const ingress = rule.direction === 'ingress';
  const match = [
    ingress ? `outport == @${group}` : `inport == @${group}`,
    rule.ethertype === 'IPv4' ? 'ip4' : 'ip6',
    ...remoteMatch(rule),
    ...protocolMatch(rule),
  ].join(' && ');
  return acl(ingress ? 'to-lport' : 'from-lport', ALLOW_PRIORITY, match, action, { [KEY.rule]: rule.id });
}

function acl(
  direction: 'to-lport' | 'from-lport',
  priority: number,
  match: string,
  action: Acl['action'] & string,
  external_ids: Record<string, string>,
): Acl {
  return {
    name: null,
    direction,
    priority,
    match,
    action,
    log: false,
    severity: null,
    meter: null,
    label: 0,
    options: {},
    external_ids,
  };
}

function remoteMatch(rule: SecurityGroupRuleRow): string[] {
  const version = rule.ethertype === 'IPv4' ? 4 : 6;
  const field = `ip${version}.${rule.direction === 'ingress' ? 'src' : 'dst'}`;
  if (rule.remote_ip_prefix !== null) {
    return /^(0\.0\.0\.0|::)\/0$/.test(rule.remote_ip_prefix) ? [] : [`${field} == ${rule.remote_ip_prefix}`];
  }
  if (rule.remote_group_id !== null)
    return [`${field} == $${portGroupName(rule.remote_group_id)}_ip${version}`];
  if (rule.remote_address_group_id !== null)
    return [`${field} == $${addressSetName(rule.remote_address_group_id, version)}`];
  return [];
}

/** Protocols by the names that the API takes. Those with ports have a field of their own in OVN. */
const NUMBERS: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  igmp: 2,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  udplite: 136,
  vrrp: 112,
};
const NAMES_OF_NUMBERS: Readonly<Record<string, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp',
  132: 'sctp',
};
const ICMP_NAMES = new Set(['icmp', 'icmpv6', 'ipv6-icmp', 'icmp6']);

function protocolMatch(rule: SecurityGroupRuleRow): string[] {
  if (rule.protocol === null || rule.protocol === 'any' || rule.protocol === '-1' || rule.protocol === '0')
    return [];
  const protocol = NAMES_OF_NUMBERS[rule.protocol] ?? rule.protocol;
  const { port_range_min: min, port_range_max: max } = rule;
  if (ICMP_NAMES.has(protocol)) {
    const icmp = rule.ethertype === 'IPv4' ? 'icmp4' : 'icmp6';
    return [
      icmp,
      ...(min === null ? [] : [`${icmp}.type == ${min}`]),
      ...(min === null || max === null ? [] : [`${icmp}.code == ${max}`]),
    ];
  }
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp') {
    if (min === null && max === null) return [protocol];
    const [low, high] = [min ?? max ?? 0, max ?? min ?? 65_535];
    const range = low === high ? [`${protocol}.dst == ${low}`] : rangeMatch(protocol, low, high);
    return [protocol, ...range];
  }
  const number = NUMBERS[protocol] ?? Number(protocol);
  return Number.isInteger(number) ? [`ip.proto == ${number}`] : [];
}

function rangeMatch(protocol: string, low: number, high: number): string[] {
  if (low <= 1 && high >= 65_535) return low <= 0 ? [] : [`${protocol}.dst >= ${low}`];
  return [`${protocol}.dst >= ${low}`, `${protocol}.dst <= ${high}`];
}

/** What a guest needs to get its addresses, whatever its groups say; what else it sends or gets is dropped here. */
export function renderDropGroup(): DesiredRow[] {
  const from = `inport == @${DROP_GROUP}`;
  const to = `outport == @${DROP_GROUP}`;
  const rows = [
    acl('to-lport', DROP_PRIORITY, `${to} && ip`, 'drop', {}),
    acl('from-lport', DROP_PRIORITY, `${from} && ip`, 'drop', {}),
    acl('from-lport', ALLOW_PRIORITY, `${from} && ip4 && udp && udp.src == 68 && udp.dst == 67`, 'allow', {}),
    acl(
      'from-lport',
      ALLOW_PRIORITY,
      `${from} && ip6 && udp && udp.src == 546 && udp.dst == 547`,
      'allow',
      {},
    ),
    acl('from-lport', ALLOW_PRIORITY, `${from} && (nd || nd_rs || mldv1 || mldv2)`, 'allow', {}),
    acl('to-lport', ALLOW_PRIORITY, `${to} && (nd || nd_ra || mldv1 || mldv2)`, 'allow', {}),
  ];
  return [
    {
      table: 'Port_Group',
      key: DROP_GROUP,
      columns: { name: DROP_GROUP, external_ids: {} },
      parts: [{ table: 'ACL', column: 'acls', rows }],
    },
  ];
}

export function renderAddressGroup(group: AddressGroupRow): DesiredRow[] {
  const addresses = JSON.parse(group.addresses) as string[];
  return ([4, 6] as const).map((version) => {
    const name = addressSetName(group.id, version);
    return {
      table: 'Address_Set',
      key: name,
      columns: {
        name,
        addresses: addresses.filter((each) => each.includes(':') === (version === 6)),
        external_ids: { [KEY.addressGroup]: group.id, [KEY.revision]: String(group.revision_number) },
      },
    };
  });
}
