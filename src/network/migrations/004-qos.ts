// QoS policies with their rules, and what they hang on. Unique: one default policy of a project, and one rule of a kind in
// a direction.
import type { Migration } from '#platform/sql/migrate.ts';

export const qosMigration: Migration = {
  name: '004-qos',
  up: async (db) => {
    await db.schema
      .createTable('qos_policies')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('revision_number', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('default_of', 'text', (column) => column.unique())
      .execute();
    await db.schema.createIndex('qos_policies_project_id').on('qos_policies').column('project_id').execute();
    await db.schema
      .createTable('qos_rules')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('qos_policy_id', 'text', (column) => column.notNull())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('direction', 'text', (column) => column.notNull())
      .addColumn('max_kbps', 'bigint')
      .addColumn('max_burst_kbps', 'bigint')
      .addColumn('dscp_mark', 'integer')
      .addColumn('min_kbps', 'bigint')
      .execute();
    await db.schema
      .createIndex('qos_rules_once')
      .on('qos_rules')
      .columns(['qos_policy_id', 'type', 'direction'])
      .unique()
      .execute();
    for (const table of ['networks', 'ports', 'floatingips']) {
      await db.schema.alterTable(table).addColumn('qos_policy_id', 'text').execute();
      await db.schema.createIndex(`${table}_qos_policy_id`).on(table).column('qos_policy_id').execute();
    }
  },
};
