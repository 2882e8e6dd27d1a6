// Rows of the network service as its handlers would write them, for tests of what stands behind the API.
import type { Database } from '#platform/sql/database.ts';
import { insertRow } from '#network/rest/select.ts';
import type {
  FloatingIpRow,
  NetworkRow,
  NetworkTables,
  PortForwardingRow,
  PortRow,
  QosPolicyRow,
  QosRuleRow,
  RouterRow,
  SecurityGroupRow,
  SecurityGroupRuleRow,
  StandardColumns,
  SubnetRow,
  TrunkRow,
} from '#network/tables.ts';

const PROJECT = '11111111111141118111111111111111';

function standard(): StandardColumns {
  const now = new Date().toISOString();
  return {
    id: crypto.randomUUID(),
    project_id: PROJECT,
    description: '',
    revision_number: 0,
    created_at: now,
    updated_at: now,
  };
}

let nextMac = 1;

export type NewPort = Partial<PortRow> & {
  network: NetworkRow;
  ips?: ReadonlyArray<readonly [SubnetRow, string]>;
  groups?: readonly SecurityGroupRow[];
};

export class NetworkSeed {
  readonly #db: Database<NetworkTables>;

  constructor(db: Database<NetworkTables>) {
    this.#db = db;
  }

  async network(values: Partial<NetworkRow> = {}): Promise<NetworkRow> {
    const row: NetworkRow = {
      ...standard(),
      name: 'net',
      admin_state_up: 1,
      mtu: 1442,
      port_security_enabled: 1,
      external: 0,
      is_default: 0,
      dns_domain: '',
      availability_zone_hints: '[]',
      network_type: 'geneve',
      physical_network: null,
      segmentation_id: null,
      segment_key: null,
      qos_policy_id: null,
      ...values,
    };
    await insertRow(this.#db.kysely, 'networks', row);
    return row;
  }

  async subnet(network: NetworkRow, cidr: string, values: Partial<SubnetRow> = {}): Promise<SubnetRow> {
    const row: SubnetRow = {
      ...standard(),
      name: '',
      network_id: network.id,
      ip_version: cidr.includes(':') ? 6 : 4,
      cidr,
      gateway_ip: cidr.replace(/\.0\/\d+$/, '.1').replace(/::\/\d+$/, '::1'),
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
      ...values,
    };
    await insertRow(this.#db.kysely, 'subnets', row);
    return row;
  }

  async port({ network, ips = [], groups = [], ...values }: NewPort): Promise<PortRow> {
    const n = nextMac++;
    const row: PortRow = {
      ...standard(),
      name: '',
      network_id: network.id,
      admin_state_up: 1,
      mac_address: `fa:16:3e:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`,
      device_id: '',
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
      ...values,
    };
    await this.#db.transaction(async (trx) => {
      await insertRow(trx, 'ports', row);
      for (const [position, [subnet, ip]] of ips.entries())
        await insertRow(trx, 'ip_allocations', {
          subnet_id: subnet.id,
          network_id: network.id,
          port_id: row.id,
          ip_address: ip,
          ip_key: ip,
          position,
        });
      for (const group of groups)
        await insertRow(trx, 'port_security_groups', { port_id: row.id, security_group_id: group.id });
    });
    return row;
  }

  /** Carries the ports as VLANs with these tags. */
  async trunk(parent: PortRow, subports: ReadonlyArray<readonly [PortRow, number]>): Promise<TrunkRow> {
    const row: TrunkRow = { ...standard(), name: 'trunk', admin_state_up: 1, port_id: parent.id };
    await insertRow(this.#db.kysely, 'trunks', row);
    for (const [port, segmentation_id] of subports)
      await insertRow(this.#db.kysely, 'subports', {
        port_id: port.id,
        trunk_id: row.id,
        segmentation_type: 'vlan',
        segmentation_id,
      });
    return row;
  }

  async securityGroup(
    rules: ReadonlyArray<Partial<SecurityGroupRuleRow>> = [],
    values: Partial<SecurityGroupRow> = {},
  ): Promise<SecurityGroupRow> {
    const row: SecurityGroupRow = { ...standard(), name: 'group', stateful: 1, default_of: null, ...values };
    await insertRow(this.#db.kysely, 'security_groups', row);
    for (const rule of rules) await this.rule(row, rule);
    return row;
  }

  async rule(group: SecurityGroupRow, values: Partial<SecurityGroupRuleRow>): Promise<SecurityGroupRuleRow> {
    const base = standard();
    const row: SecurityGroupRuleRow = {
      ...base,
      security_group_id: group.id,
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_group_id: null,
      remote_address_group_id: null,
      rule_key: base.id,
      ...values,
    };
    await insertRow(this.#db.kysely, 'security_group_rules', row);
    return row;
  }

  async router(values: Partial<RouterRow> = {}): Promise<RouterRow> {
    const row: RouterRow = {
      ...standard(),
      name: 'router',
      admin_state_up: 1,
      gateway_network_id: null,
      gateway_port_id: null,
      enable_snat: 1,
      distributed: 0,
      ha: 0,
      routes: '[]',
      availability_zone_hints: '[]',
      ...values,
    };
    await insertRow(this.#db.kysely, 'routers', row);
    return row;
  }

  async floatingIp(
    values: Partial<FloatingIpRow> &
      Pick<FloatingIpRow, 'floating_network_id' | 'floating_ip_address' | 'floating_port_id'>,
  ): Promise<FloatingIpRow> {
    const row: FloatingIpRow = {
      ...standard(),
      port_id: null,
      fixed_ip_address: null,
      router_id: null,
      dns_name: '',
      dns_domain: '',
      qos_policy_id: null,
      ...values,
    };
    await insertRow(this.#db.kysely, 'floatingips', row);
    return row;
  }

  /** TCP. */
  async portForwarding(
    values: Omit<PortForwardingRow, 'protocol' | keyof StandardColumns>,
  ): Promise<PortForwardingRow> {
    const row: PortForwardingRow = { ...standard(), protocol: 'tcp', ...values };
    await insertRow(this.#db.kysely, 'port_forwardings', row);
    return row;
  }

  async qosPolicy(
    rules: ReadonlyArray<Partial<QosRuleRow> & Pick<QosRuleRow, 'type'>>,
  ): Promise<QosPolicyRow> {
    const row: QosPolicyRow = { ...standard(), name: 'policy', default_of: null };
    await insertRow(this.#db.kysely, 'qos_policies', row);
    for (const rule of rules)
      await insertRow(this.#db.kysely, 'qos_rules', {
        id: crypto.randomUUID(),
        qos_policy_id: row.id,
        direction: 'egress',
        max_kbps: null,
        max_burst_kbps: null,
        dscp_mark: null,
        min_kbps: null,
        ...rule,
      });
    return row;
  }

  async update<T extends 'networks' | 'subnets' | 'ports' | 'routers' | 'security_groups' | 'floatingips'>(
    table: T,
    id: string,
    values: Partial<NetworkTables[T]>,
  ): Promise<void> {
    const kysely = this.#db.kysely;
    await kysely
      .updateTable(table as 'ports')
      .set((eb) => ({ ...(values as Partial<PortRow>), revision_number: eb('revision_number', '+', 1) }))
      .where('id', '=', id)
      .execute();
  }

  async remove(table: keyof NetworkTables & string, id: string): Promise<void> {
    await this.#db.kysely
      .deleteFrom(table as 'ports')
      .where('id', '=', id)
      .execute();
    if (table !== 'ports') return;
    await this.#db.kysely.deleteFrom('ip_allocations').where('port_id', '=', id).execute();
    await this.#db.kysely.deleteFrom('port_security_groups').where('port_id', '=', id).execute();
  }
}
