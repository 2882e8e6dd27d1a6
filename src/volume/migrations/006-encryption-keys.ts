// Keys of encrypted volumes and of their backups, wrapped with the service's master key.
import type { Migration } from '#platform/sql/migrate.ts';

export const encryptionKeyMigration: Migration = {
  name: '006-encryption-keys',
  up: async (db) => {
    await db.schema
      .createTable('encryption_keys')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('owner_id', 'text', (c) => c.notNull().unique())
      .addColumn('wrapped', 'text', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .execute();
  },
};
