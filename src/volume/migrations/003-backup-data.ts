// Where a backup's data lies in the store: its own id, unless its record was imported under another one.
import type { Migration } from '#platform/sql/migrate.ts';

export const backupDataMigration: Migration = {
  name: '003-backup-data',
  up: async (db) => {
    await db.schema
      .alterTable('backups')
      .addColumn('data_id', 'text', (c) => c.notNull().defaultTo(''))
      .execute();
    await db.schema.createIndex('backups_data_id').on('backups').column('data_id').execute();
  },
};
