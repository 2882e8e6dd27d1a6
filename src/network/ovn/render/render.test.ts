// The rows that resources become, case by case.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkRow, PortRow, SecurityGroupRow, SecurityGroupRuleRow, SubnetRow } from '../../tables.ts';
import type { DesiredRow } from '../desired.ts';
import type { Facts } from '../facts.ts';
import { renderSubnet, serverMac } from './dhcp.ts';
import { renderNetwork } from './network.ts';
import { renderPort } from './port.ts';
import { renderSecurityGroup } from './security-group.ts';

const standard = {
  id: 'id',
  project_id: 'p',
  description: '',
  revision_number: 3,
  created_at: '',
  updated_at: '',
};
const options = { dnsDomain: 'example.test.', dhcpLeaseSeconds: 60, distributedFloatingIps: false };

const network: NetworkRow = {
  ...standard,
  id: 'net',
  name: 'n',
  admin_state_up: 1,
  mtu: 1442,
  port_security_enabled: 1,
  external: 0,
  is_default: 0,
  dns_domain: '',
  availability_zone_hints: '[]',
  network_type: 'geneve',
  physical_network: null,
  segmentation_id: 7,
  segment_key: null,
  qos_policy_id: null,
};

const subnet: SubnetRow = {
  ...standard,
  id: 'sub',
  name: '',
  network_id: 'net',
  ip_version: 4,
  cidr: '10.0.0.0/24',
  gateway_ip: '10.0.0.1',
  enable_dhcp: 1,
  ipv6_ra_mode: null,
  ipv6_address_mode: null,
  allocation_pools: '[]',
  dns_nameservers: '[]',
  host_routes: '[]',
  service_types: '[]',
  subnetpool_id: null,
  dns_publish_fixed_ip: 0,
  ipam_cursor: null,
};

const port: PortRow = {
  ...standard,
  id: 'port',
  name: 'vm',
  network_id: 'net',
  admin_state_up: 1,
  mac_address: 'fa:16:3e:00:00:01',
  device_id: 'server',
  device_owner: 'compute:nova',
  port_security_enabled: 1,
  binding_host_id: '',
  binding_vnic_type: 'normal',
  binding_profile: '{}',
  allowed_address_pairs: '[]',
  extra_dhcp_opts: '[]',
  dns_name: '',
  dns_domain: '',
  qos_policy_id: null,
};

function factsOf(subnets: readonly SubnetRow[] = [subnet], groups: readonly string[] = ['sg-1']): Facts {
  return {
    networks: new Map([['net', network]]),
    subnets: new Map(subnets.map((each) => [each.id, each])),
    ports: new Map(),
    routers: new Map(),
    securityGroups: new Map(),
    addressGroups: new Map(),
    addressesOfPort: new Map([
      [
        'port',
        subnets.map((each, position) => ({
          subnet_id: each.id,
          network_id: 'net',
          port_id: 'port',
          ip_address: each.ip_version === 4 ? '10.0.0.5' : 'fd00::5',
          ip_key: '',
          position,
        })),
      ],
    ]),
    trunkPlaceOfPort: new Map(),
    furtherHostsOfPort: new Map(),
    rulesOfPolicy: new Map(),
    groupsOfPort: new Map([['port', groups]]),
    rulesOfGroup: new Map(),
    portsOfRouter: new Map(),
    forwardingsOfFloatingIp: new Map(),
    floatingIpsOfRouter: new Map(),
    metadataPortOfNetwork: new Map(),
  };
}

type PortColumns = Extract<DesiredRow, { table: 'Logical_Switch_Port' }>;

function switchPort(row: Partial<PortRow>, facts = factsOf()): PortColumns {
  const [rendered] = renderPort({ ...port, ...row }, facts, options);
  assert.equal(rendered?.table, 'Logical_Switch_Port');
  return rendered as PortColumns;
}

test('binds addresses to the port and puts it into its groups and the one that drops', () => {
  const { columns, groups, links } = switchPort({});
  assert.deepEqual(columns.addresses, ['fa:16:3e:00:00:01 10.0.0.5']);
  assert.deepEqual(columns.port_security, ['fa:16:3e:00:00:01 10.0.0.5']);
  assert.deepEqual(groups, ['neutron_pg_drop', 'pg_sg_1']);
  assert.deepEqual(links?.['dhcpv4_options'], { table: 'DHCP_Options', key: 'sub' });
  assert.equal(columns.external_ids?.['neutron:cidrs'], '10.0.0.5/24');
  assert.equal(columns.external_ids?.['neutron:revision_number'], '3');
});

test('takes security and groups from a port without port security', () => {
  const { columns, groups } = switchPort({ port_security_enabled: 0 });
  assert.deepEqual(columns.addresses, ['fa:16:3e:00:00:01 10.0.0.5', 'unknown']);
  assert.deepEqual(columns.port_security, []);
  assert.deepEqual(groups, []);
});

test('allows address pairs, with the own MAC and with others', () => {
  const pairs = [
    { ip_address: '10.0.0.9', mac_address: 'fa:16:3e:00:00:01' },
    { ip_address: '10.0.0.8/29', mac_address: 'FA:16:3E:99:99:99' },
    { ip_address: '10.0.1.1' },
  ];
  const { columns } = switchPort({ allowed_address_pairs: JSON.stringify(pairs) });
  assert.deepEqual(columns.port_security, [
    'fa:16:3e:00:00:01 10.0.0.5 10.0.0.9 10.0.1.1',
    'fa:16:3e:99:99:99 10.0.0.8/29',
  ]);
});

test('asks for both hosts while a guest moves, and cuts the new one off until it runs there', () => {
  const { columns } = switchPort({ binding_host_id: 'h1', binding_profile: '{"migrating_to":"h2"}' });
  assert.equal(columns.options?.['requested-chassis'], 'h1,h2');
  const moving = { ...factsOf(), furtherHostsOfPort: new Map([['port', ['h2', 'h3']]]) };
  const optionsOf = (values: Partial<PortRow>) => switchPort(values, moving).columns.options;
  assert.deepEqual(optionsOf({ binding_host_id: 'h1' }), {
    mcast_flood_reports: 'true',
    'requested-chassis': 'h1,h2,h3',
    'activation-strategy': 'rarp',
  });
  assert.equal(optionsOf({ binding_host_id: '' })?.['requested-chassis'], undefined);
});

test('makes router, metadata and floating IP ports what they are', () => {
  assert.equal(switchPort({ device_owner: 'network:router_interface' }).columns.type, 'router');
  assert.equal(switchPort({ device_owner: 'network:distributed' }).columns.type, 'localport');
  assert.deepEqual(switchPort({ device_owner: 'network:distributed' }).groups, []);
  assert.deepEqual(renderPort({ ...port, device_owner: 'network:floatingip' }, factsOf(), options), []);
});

test('quotes what a user puts into DHCP options, and leaves out what OVN does not know', () => {
  const extra = [
    { opt_name: 'bootfile-name', opt_value: 'a", server_id = "10.6.6.6', ip_version: 4 },
    { opt_name: 'ntp-server', opt_value: '10.0.0.3,10.0.0.4; drop', ip_version: 4 },
    { opt_name: 'no-such-option', opt_value: 'x', ip_version: 4 },
  ];
  const [, row] = renderPort({ ...port, extra_dhcp_opts: JSON.stringify(extra) }, factsOf(), options);
  assert.equal(row?.table, 'DHCP_Options');
  const own = (row as Extract<DesiredRow, { table: 'DHCP_Options' }>).columns.options;
  assert.equal(own?.['bootfile_name'], '"a, server_id = 10.6.6.6"');
  assert.equal(own?.['ntp_server'], '{10.0.0.3,10.0.0.4 drop}');
  assert.equal(own?.['server_id'], '10.0.0.1');
  assert.equal(own?.['no-such-option'], undefined);
});

test('gives no DHCP to ports that have it disabled, and none for subnets without', () => {
  const off = [{ opt_name: 'dhcp_disabled', opt_value: 'true', ip_version: 4 }];
  assert.equal(switchPort({ extra_dhcp_opts: JSON.stringify(off) }).links?.['dhcpv4_options'], null);
  const none = { ...subnet, enable_dhcp: 0 };
  assert.deepEqual(renderSubnet(none, factsOf([none]), options), []);
});

test('answers DHCPv6 only where it is asked for, stateless without addresses', () => {
  const six = (mode: SubnetRow['ipv6_address_mode']): SubnetRow => ({
    ...subnet,
    id: 'six',
    ip_version: 6,
    cidr: 'fd00::/64',
    gateway_ip: 'fd00::1',
    ipv6_ra_mode: mode,
    ipv6_address_mode: mode,
  });
  const optionsOf = (mode: SubnetRow['ipv6_address_mode']) =>
    renderSubnet(six(mode), factsOf([six(mode)]), options).map(
      (row) => (row.columns as { options: unknown }).options,
    );
  assert.deepEqual(optionsOf('slaac'), []);
  assert.deepEqual(optionsOf('dhcpv6-stateful'), [
    { server_id: serverMac('six'), domain_search: '"example.test"' },
  ]);
  assert.deepEqual(optionsOf('dhcpv6-stateless'), [
    { server_id: serverMac('six'), dhcpv6_stateless: 'true', domain_search: '"example.test"' },
  ]);
});

test('tags the way to a VLAN and leaves a flat network untagged', () => {
  const tagOf = (network_type: 'vlan' | 'flat'): unknown => {
    const [, row] = renderNetwork({
      ...network,
      network_type,
      physical_network: 'physnet1',
      segmentation_id: 100,
    });
    return (row as PortColumns).columns.tag;
  };
  assert.equal(tagOf('vlan'), 100);
  assert.equal(tagOf('flat'), null);
  assert.equal(renderNetwork(network).length, 1);
});

function matchOf(rule: Partial<SecurityGroupRuleRow>, stateful = 1): { match?: string; action?: string } {
  const group: SecurityGroupRow = { ...standard, id: 'sg-1', name: '', stateful, default_of: null };
  const row: SecurityGroupRuleRow = {
    ...standard,
    security_group_id: 'sg-1',
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol: null,
    port_range_min: null,
    port_range_max: null,
    remote_ip_prefix: null,
    remote_group_id: null,
    remote_address_group_id: null,
    rule_key: '',
    ...rule,
  };
  const [rendered] = renderSecurityGroup(group, [row]);
  return rendered?.parts?.[0]?.rows[0] as { match: string; action: string };
}

const MATCHES: ReadonlyArray<readonly [string, Partial<SecurityGroupRuleRow>, string]> = [
  ['anything in', {}, 'outport == @pg_sg_1 && ip4'],
  ['anything out', { direction: 'egress', ethertype: 'IPv6' }, 'inport == @pg_sg_1 && ip6'],
  [
    'one port',
    { protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
    'outport == @pg_sg_1 && ip4 && tcp && tcp.dst == 22',
  ],
  [
    'a range',
    { protocol: 'udp', port_range_min: 10, port_range_max: 20 },
    'outport == @pg_sg_1 && ip4 && udp && udp.dst >= 10 && udp.dst <= 20',
  ],
  [
    'all ports',
    { protocol: '6', port_range_min: 1, port_range_max: 65_535 },
    'outport == @pg_sg_1 && ip4 && tcp && tcp.dst >= 1',
  ],
  [
    'a type of ICMP',
    { protocol: 'icmp', port_range_min: 8, port_range_max: 0 },
    'outport == @pg_sg_1 && ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0',
  ],
  ['ICMPv6 by number', { protocol: '58', ethertype: 'IPv6' }, 'outport == @pg_sg_1 && ip6 && icmp6'],
  ['a protocol by name', { protocol: 'vrrp' }, 'outport == @pg_sg_1 && ip4 && ip.proto == 112'],
  ['a prefix', { remote_ip_prefix: '10.0.0.0/8' }, 'outport == @pg_sg_1 && ip4 && ip4.src == 10.0.0.0/8'],
  ['the whole internet', { remote_ip_prefix: '0.0.0.0/0' }, 'outport == @pg_sg_1 && ip4'],
  [
    'a group',
    { direction: 'egress', remote_group_id: 'sg-2' },
    'inport == @pg_sg_1 && ip4 && ip4.dst == $pg_sg_2_ip4',
  ],
  [
    'an address group',
    { remote_address_group_id: 'ag-1' },
    'outport == @pg_sg_1 && ip4 && ip4.src == $as_ip4_ag_1',
  ],
];

for (const [name, rule, match] of MATCHES) {
  test(`matches ${name}`, () => assert.equal(matchOf(rule).match, match));
}

test('tracks connections in stateful groups only', () => {
  assert.equal(matchOf({}).action, 'allow-related');
  assert.equal(matchOf({}, 0).action, 'allow-stateless');
});
