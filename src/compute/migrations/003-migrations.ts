// Moves of servers between hosts: resizes, migrations, evacuations. The rows stay as their record.
import type { Migration } from '#platform/sql/migrate.ts';

export const migrationsMigration: Migration = {
  name: '003-migrations',
  up: async (db) => {
    await db.schema
      .createTable('migrations')
      .addColumn('id', 'bigint', (c) => c.primaryKey())
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('instance_id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('migration_type', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('source_compute', 'text', (c) => c.notNull())
      .addColumn('source_node', 'text', (c) => c.notNull())
      .addColumn('source_zone', 'text')
      .addColumn('dest_compute', 'text')
      .addColumn('dest_node', 'text')
      .addColumn('dest_host', 'text')
      .addColumn('dest_zone', 'text')
      .addColumn('old_flavor_json', 'text', (c) => c.notNull())
      .addColumn('new_flavor_json', 'text', (c) => c.notNull())
      .addColumn('old_vm_state', 'text', (c) => c.notNull())
      .addColumn('disk_config', 'text', (c) => c.notNull())
      .addColumn('forced', 'bigint', (c) => c.notNull())
      .addColumn('memory_total', 'bigint')
      .addColumn('memory_processed', 'bigint')
      .addColumn('memory_remaining', 'bigint')
      .addColumn('disk_total', 'bigint')
      .addColumn('disk_processed', 'bigint')
      .addColumn('disk_remaining', 'bigint')
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'text')
      .execute();
    for (const column of ['instance_id', 'status', 'created_at'])
      await db.schema.createIndex(`migrations_${column}`).on('migrations').column(column).execute();
  },
};
