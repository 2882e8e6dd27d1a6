// Images that requests make of servers, from before they are there until they are whole or gone.
import type { Migration } from '#platform/sql/migrate.ts';

export const pendingImagesMigration: Migration = {
  name: '004-pending-images',
  up: async (db) => {
    await db.schema
      .createTable('pending_images')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('instance_id', 'text', (c) => c.notNull())
      .addColumn('action_id', 'text')
      .addColumn('of_volumes', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .execute();
  },
};
