// The encryption that volume types ask for.
import type { Migration } from '#platform/sql/migrate.ts';

export const typeEncryptionMigration: Migration = {
  name: '002-type-encryption',
  up: async (db) => {
    await db.schema
      .createTable('volume_type_encryption')
      .addColumn('volume_type_id', 'text', (c) => c.primaryKey())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('provider', 'text', (c) => c.notNull())
      .addColumn('cipher', 'text')
      .addColumn('key_size', 'integer')
      .addColumn('control_location', 'text', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'text')
      .execute();
  },
};
