// The compute tables as of the first release.
import type { Migration } from '#platform/sql/migrate.ts';
import type { Kysely } from 'kysely';

/** Columns of a table by type, a small notation for long tables: `id! name! host` (! = not null). */
async function table(
  db: Kysely<unknown>,
  name: string,
  columns: {
    text?: string;
    integer?: string;
    real?: string;
    primary: readonly string[];
    unique?: ReadonlyArray<readonly string[]>;
    index?: ReadonlyArray<readonly string[]>;
  },
): Promise<void> {
  const definitions = [
    ...parse(columns.text, 'text'),
    ...parse(columns.integer, 'bigint'),
    ...parse(columns.real, 'double precision'),
  ];
  let builder = db.schema.createTable(name);
  for (const { column, type, notNull } of definitions) {
    builder = builder.addColumn(column, type, (c) => (notNull ? c.notNull() : c));
  }
  await builder.addPrimaryKeyConstraint(`${name}_pk`, columns.primary as never).execute();
  for (const [unique, sets] of [
    [true, columns.unique],
    [false, columns.index],
  ] as const) {
    for (const set of sets ?? []) {
      const index = db.schema
        .createIndex(`${name}_${set.join('_')}`)
        .on(name)
        .columns([...set]);
      await (unique ? index.unique() : index).execute();
    }
  }
}

type ColumnType = 'text' | 'bigint' | 'double precision';

function parse(
  notation: string | undefined,
  type: ColumnType,
): Array<{ column: string; type: ColumnType; notNull: boolean }> {
  return (notation ?? '')
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => ({ column: word.replace('!', ''), type, notNull: word.endsWith('!') }));
}

export const computeMigration: Migration = {
  name: '001-compute',
  up: async (db) => {
    await table(db, 'instances', {
      text: `id! project_id! user_id! name! description hostname! vm_state! task_state host node availability_zone requested_zone
        requested_host flavor_id! flavor_json! image_id kernel_id ramdisk_id image_json! root_device_name! key_name public_key key_type
        user_data admin_password metadata_json! system_metadata_json! scheduler_hints_json! server_group_id networks_json!
        security_groups_json! vifs_json! disk_config! access_ip_v4 access_ip_v6 locked_reason locked_by fault_json
        reservation_id! created_at! updated_at launched_at terminated_at deleted_at`,
      integer: 'power_state! config_drive! locked! progress! launch_index! deleted!',
      primary: ['id'],
      index: [['project_id', 'deleted', 'created_at'], ['host', 'deleted'], ['server_group_id']],
    });
    await table(db, 'instance_tags', { text: 'instance_id! tag!', primary: ['instance_id', 'tag'] });
    await table(db, 'instance_actions', {
      text: 'id! instance_id! action! request_id! user_id! project_id! message state! host deadline_at! request_json! traceparent! started_at! finished_at',
      integer: 'attempt! cancelled!',
      primary: ['id'],
      index: [
        ['instance_id', 'started_at'],
        ['state', 'deadline_at'],
      ],
    });
    await table(db, 'compute_services', {
      text: 'id! host! binary! disabled_reason last_seen_at! created_at! updated_at',
      integer: 'disabled! forced_down!',
      primary: ['id'],
      unique: [['host', 'binary']],
    });
    await table(db, 'compute_nodes', {
      text: 'id! host! hypervisor_hostname! hypervisor_type! host_ip! report_json! created_at! updated_at!',
      integer: 'hypervisor_version! vcpus! memory_mb! local_gb!',
      primary: ['id'],
      unique: [['host', 'hypervisor_hostname']],
    });
    await flavorsAndKeys(db);
    await table(db, 'server_groups', {
      text: 'id! name! project_id! user_id! policy! rules_json! created_at!',
      primary: ['id'],
      index: [['project_id']],
    });
    await table(db, 'quota_limits', {
      text: 'scope! resource!',
      integer: 'hard_limit!',
      primary: ['scope', 'resource'],
    });
    await table(db, 'console_tokens', {
      text: 'token_hash! instance_id! kind! expires_at!',
      primary: ['token_hash'],
    });
  },
};

async function flavorsAndKeys(db: Kysely<unknown>): Promise<void> {
  // Rows number themselves by max(id) + 1 in the inserting transaction: portable, and these tables are small.
  await table(db, 'flavors', {
    text: 'flavor_id! name! description extra_specs_json! created_at!',
    integer: 'id! vcpus! ram! disk! ephemeral! swap! is_public! disabled!',
    real: 'rxtx_factor!',
    primary: ['id'],
    unique: [['flavor_id'], ['name']],
  });
  await table(db, 'flavor_access', { text: 'flavor_id! project_id!', primary: ['flavor_id', 'project_id'] });
  await table(db, 'keypairs', {
    text: 'user_id! name! type! fingerprint! public_key! created_at!',
    integer: 'id!',
    primary: ['id'],
    unique: [['user_id', 'name']],
  });
  await table(db, 'aggregates', {
    text: 'uuid! name! metadata_json! created_at! updated_at',
    integer: 'id!',
    primary: ['id'],
    unique: [['uuid'], ['name']],
  });
  await table(db, 'aggregate_hosts', {
    text: 'host!',
    integer: 'aggregate_id!',
    primary: ['aggregate_id', 'host'],
  });
}
