// The volume tables as of the first release.
import type { Kysely } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

interface Columns {
  readonly text?: string;
  readonly integer?: string;
  readonly primary: readonly string[];
  readonly unique?: ReadonlyArray<readonly string[]>;
  readonly index?: ReadonlyArray<readonly string[]>;
}

/** Columns by type, a small notation for long tables: `id! name! host` (! = not null). */
async function table(db: Kysely<unknown>, name: string, columns: Columns): Promise<void> {
  let builder = db.schema.createTable(name);
  for (const [notation, type] of [
    [columns.text, 'text'],
    [columns.integer, 'bigint'],
  ] as const) {
    for (const word of (notation ?? '').split(/\s+/).filter(Boolean)) {
      builder = builder.addColumn(word.replace('!', ''), type, (c) => (word.endsWith('!') ? c.notNull() : c));
    }
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

export const volumeMigration: Migration = {
  name: '001-volume',
  up: async (db) => {
    await volumes(db);
    await snapshotsAndBackups(db);
    await types(db);
    await operators(db);
  },
};

async function volumes(db: Kysely<unknown>): Promise<void> {
  await table(db, 'volumes', {
    text: `id! project_id! user_id! name description lifecycle! fault forced_status volume_type_id availability_zone! host
      snapshot_id source_volid image_id backup_id scheduler_hints_json! placement_json migration_status created_at! updated_at
      launched_at`,
    integer: 'size! bootable! multiattach! encrypted! readonly! bytes_copied',
    primary: ['id'],
    index: [['project_id', 'created_at'], ['host'], ['volume_type_id'], ['snapshot_id'], ['source_volid']],
  });
  for (const name of ['volume_metadata', 'volume_image_metadata'])
    await table(db, name, { text: 'volume_id! key! value!', primary: ['volume_id', 'key'] });
  await table(db, 'attachments', {
    text: `id! volume_id! project_id! instance_id status! mode! connector_json connection_json mountpoint attached_host attached_at
      created_at! updated_at`,
    primary: ['id'],
    index: [['volume_id'], ['project_id', 'created_at'], ['instance_id']],
  });
  await table(db, 'operations', {
    text: `id! resource_type! resource_id! operation! request_id! user_id! project_id! state! host deadline_at! message started_at!
      finished_at`,
    integer: 'attempt! cancelled!',
    primary: ['id'],
    index: [
      ['resource_id', 'started_at'],
      ['state', 'deadline_at'],
    ],
  });
}

async function snapshotsAndBackups(db: Kysely<unknown>): Promise<void> {
  await table(db, 'snapshots', {
    text: 'id! volume_id! project_id! user_id! name description status! progress! volume_type_id fault created_at! updated_at',
    integer: 'volume_size! internal!',
    primary: ['id'],
    index: [['project_id', 'created_at'], ['volume_id']],
  });
  await table(db, 'snapshot_metadata', { text: 'snapshot_id! key! value!', primary: ['snapshot_id', 'key'] });
  await table(db, 'backups', {
    text: `id! project_id! user_id! volume_id! snapshot_id name description status! fail_reason container! parent_id data_timestamp!
      service_host availability_zone metadata_json! restore_volume_id encryption_key_id created_at! updated_at`,
    integer: 'size! object_count! bytes_stored!',
    primary: ['id'],
    index: [['project_id', 'created_at'], ['volume_id'], ['parent_id']],
  });
  await table(db, 'transfers', {
    text: `id! volume_id! project_id! name key_hash! key_salt! source_project_id! destination_project_id created_at!`,
    integer: 'no_snapshots! accepted!',
    primary: ['id'],
    index: [['project_id', 'created_at'], ['volume_id']],
  });
}

async function types(db: Kysely<unknown>): Promise<void> {
  await table(db, 'volume_types', {
    text: 'id! name! description qos_specs_id created_at! updated_at',
    integer: 'is_public!',
    primary: ['id'],
    unique: [['name']],
  });
  await table(db, 'volume_type_extra_specs', {
    text: 'volume_type_id! key! value!',
    primary: ['volume_type_id', 'key'],
  });
  await table(db, 'volume_type_access', {
    text: 'volume_type_id! project_id!',
    primary: ['volume_type_id', 'project_id'],
  });
  await table(db, 'default_types', { text: 'project_id! volume_type_id!', primary: ['project_id'] });
  await table(db, 'qos_specs', {
    text: 'id! name! consumer! specs_json! created_at!',
    primary: ['id'],
    unique: [['name']],
  });
}

async function operators(db: Kysely<unknown>): Promise<void> {
  await table(db, 'volume_services', {
    text: 'id! host! binary! availability_zone! disabled_reason report_json last_seen_at! created_at! updated_at',
    integer: 'disabled! frozen!',
    primary: ['id'],
    unique: [['host', 'binary']],
  });
  await table(db, 'volume_quotas', {
    text: 'scope! resource!',
    integer: 'hard_limit!',
    primary: ['scope', 'resource'],
  });
  await table(db, 'messages', {
    text: `id! project_id! request_id! event_id! resource_type! resource_id message_level! user_message! detail_id! action_id!
      created_at! guaranteed_until!`,
    primary: ['id'],
    index: [['project_id', 'created_at'], ['resource_id'], ['guaranteed_until']],
  });
}
