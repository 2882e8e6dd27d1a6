// The network service's tables. Unique indexes are what makes IPAM, MAC and segment allocation safe under races.
import type { ColumnDataType, CreateTableBuilder, Kysely } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

type Columns = Readonly<Record<string, ColumnDataType>>;

interface TableSpec {
  readonly name: string;
  /** Nullable when the name ends in `?`. */
  readonly columns: Columns;
  readonly primaryKey?: readonly [string, ...string[]];
  readonly standard?: boolean;
}

const STANDARD: Columns = {
  id: 'text',
  project_id: 'text',
  description: 'text',
  revision_number: 'integer',
  created_at: 'text',
  updated_at: 'text',
};

const TABLES: readonly TableSpec[] = [
  {
    name: 'networks',
    standard: true,
    columns: {
      name: 'text',
      admin_state_up: 'integer',
      mtu: 'integer',
      port_security_enabled: 'integer',
      external: 'integer',
      is_default: 'integer',
      dns_domain: 'text',
      availability_zone_hints: 'text',
      network_type: 'text',
      'physical_network?': 'text',
      'segmentation_id?': 'integer',
      'segment_key?': 'text',
    },
  },
  {
    name: 'subnets',
    standard: true,
    columns: {
      name: 'text',
      network_id: 'text',
      ip_version: 'integer',
      cidr: 'text',
      'gateway_ip?': 'text',
      enable_dhcp: 'integer',
      'ipv6_ra_mode?': 'text',
      'ipv6_address_mode?': 'text',
      allocation_pools: 'text',
      dns_nameservers: 'text',
      host_routes: 'text',
      service_types: 'text',
      'subnetpool_id?': 'text',
      dns_publish_fixed_ip: 'integer',
      'ipam_cursor?': 'text',
    },
  },
  {
    name: 'ports',
    standard: true,
    columns: {
      name: 'text',
      network_id: 'text',
      admin_state_up: 'integer',
      mac_address: 'text',
      device_id: 'text',
      device_owner: 'text',
      port_security_enabled: 'integer',
      binding_host_id: 'text',
      binding_vnic_type: 'text',
      binding_profile: 'text',
      allowed_address_pairs: 'text',
      extra_dhcp_opts: 'text',
      dns_name: 'text',
      dns_domain: 'text',
    },
  },
  {
    name: 'ip_allocations',
    primaryKey: ['subnet_id', 'ip_key'],
    columns: {
      subnet_id: 'text',
      network_id: 'text',
      port_id: 'text',
      ip_address: 'text',
      ip_key: 'text',
      position: 'integer',
    },
  },
  {
    name: 'port_security_groups',
    primaryKey: ['port_id', 'security_group_id'],
    columns: { port_id: 'text', security_group_id: 'text' },
  },
  {
    name: 'routers',
    standard: true,
    columns: {
      name: 'text',
      admin_state_up: 'integer',
      'gateway_network_id?': 'text',
      'gateway_port_id?': 'text',
      enable_snat: 'integer',
      distributed: 'integer',
      ha: 'integer',
      routes: 'text',
      availability_zone_hints: 'text',
    },
  },
  {
    name: 'floatingips',
    standard: true,
    columns: {
      floating_network_id: 'text',
      floating_ip_address: 'text',
      floating_port_id: 'text',
      'port_id?': 'text',
      'fixed_ip_address?': 'text',
      'router_id?': 'text',
      dns_name: 'text',
      dns_domain: 'text',
    },
  },
  {
    name: 'security_groups',
    standard: true,
    columns: { name: 'text', stateful: 'integer', 'default_of?': 'text' },
  },
  {
    name: 'security_group_rules',
    standard: true,
    columns: {
      security_group_id: 'text',
      direction: 'text',
      ethertype: 'text',
      'protocol?': 'text',
      'port_range_min?': 'integer',
      'port_range_max?': 'integer',
      'remote_ip_prefix?': 'text',
      'remote_group_id?': 'text',
      'remote_address_group_id?': 'text',
      rule_key: 'text',
    },
  },
  { name: 'address_groups', standard: true, columns: { name: 'text', addresses: 'text' } },
  {
    name: 'subnetpools',
    standard: true,
    columns: {
      name: 'text',
      ip_version: 'integer',
      prefixes: 'text',
      default_prefixlen: 'integer',
      min_prefixlen: 'integer',
      max_prefixlen: 'integer',
      'default_quota?': 'integer',
      'address_scope_id?': 'text',
      shared: 'integer',
      is_default: 'integer',
    },
  },
  {
    name: 'address_scopes',
    standard: true,
    columns: { name: 'text', ip_version: 'integer', shared: 'integer' },
  },
  {
    name: 'rbac_policies',
    primaryKey: ['id'],
    columns: {
      id: 'text',
      project_id: 'text',
      object_type: 'text',
      object_id: 'text',
      action: 'text',
      target_project: 'text',
    },
  },
  {
    name: 'quotas',
    primaryKey: ['project_id', 'resource'],
    columns: { project_id: 'text', resource: 'text', quota: 'integer' },
  },
  {
    name: 'tags',
    primaryKey: ['resource_id', 'tag'],
    columns: { resource_id: 'text', tag: 'text' },
  },
  {
    name: 'northbound_work',
    primaryKey: ['kind', 'id'],
    columns: { kind: 'text', id: 'text', mark: 'text', marked_at: 'text' },
  },
];

/** Table, columns, unique? */
const INDEXES: ReadonlyArray<readonly [string, readonly string[], boolean]> = [
  ['networks', ['segment_key'], true],
  ['networks', ['project_id'], false],
  ['subnets', ['network_id'], false],
  ['subnets', ['subnetpool_id'], false],
  ['ports', ['network_id', 'mac_address'], true],
  ['ports', ['device_id'], false],
  ['ports', ['project_id'], false],
  ['ip_allocations', ['network_id', 'ip_key'], true],
  ['ip_allocations', ['port_id'], false],
  ['ip_allocations', ['ip_address'], false],
  ['port_security_groups', ['security_group_id'], false],
  ['routers', ['gateway_port_id'], true],
  ['floatingips', ['floating_network_id', 'floating_ip_address'], true],
  ['floatingips', ['port_id', 'fixed_ip_address'], true],
  ['floatingips', ['router_id'], false],
  ['floatingips', ['project_id'], false],
  ['security_groups', ['default_of'], true],
  ['security_groups', ['project_id'], false],
  ['security_group_rules', ['rule_key'], true],
  ['security_group_rules', ['security_group_id'], false],
  ['security_group_rules', ['remote_group_id'], false],
  ['rbac_policies', ['object_type', 'object_id', 'action', 'target_project'], true],
  ['rbac_policies', ['target_project'], false],
];

async function createTable(db: Kysely<unknown>, spec: TableSpec): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema.createTable(spec.name);
  const columns = spec.standard ? { ...STANDARD, ...spec.columns } : spec.columns;
  for (const [name, type] of Object.entries(columns)) {
    const nullable = name.endsWith('?');
    table = table.addColumn(nullable ? name.slice(0, -1) : name, type, (column) =>
      nullable ? column : column.notNull(),
    );
  }
  const key = spec.primaryKey ?? ['id'];
  await table.addPrimaryKeyConstraint(`${spec.name}_pk`, key as never).execute();
}

export const networkMigration: Migration = {
  name: '001-network',
  up: async (db) => {
    for (const spec of TABLES) await createTable(db, spec);
    for (const [table, columns, unique] of INDEXES) {
      const index = db.schema
        .createIndex(`${table}_${columns.join('_')}`)
        .on(table)
        .columns([...columns]);
      await (unique ? index.unique() : index).execute();
    }
  },
};
