// Trunks: ports that carry further ports as VLANs into one guest.
import type { Migration } from '#platform/sql/migrate.ts';

export const trunksMigration: Migration = {
  name: '006-trunks',
  up: async (db) => {
    await db.schema
      .createTable('trunks')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('admin_state_up', 'integer', (column) => column.notNull())
      .addColumn('port_id', 'text', (column) => column.notNull().unique())
      .addColumn('revision_number', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('trunks_project_id').on('trunks').column('project_id').execute();
    await db.schema
      .createTable('subports')
      .addColumn('port_id', 'text', (column) => column.primaryKey())
      .addColumn('trunk_id', 'text', (column) => column.notNull())
      .addColumn('segmentation_type', 'text', (column) => column.notNull())
      .addColumn('segmentation_id', 'integer', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('subports_in_trunk')
      .on('subports')
      .columns(['trunk_id', 'segmentation_type', 'segmentation_id'])
      .unique()
      .execute();
  },
};
