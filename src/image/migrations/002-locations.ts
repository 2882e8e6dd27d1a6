// Data in several stores: where it is has a table of its own. What was there is in the store `file`.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

export const locationsMigration: Migration = {
  name: '002-locations',
  up: async (db) => {
    await db.schema
      .createTable('image_locations')
      .addColumn('image_id', 'text', (c) => c.notNull())
      .addColumn('store', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('image_locations_pk', ['image_id', 'store'])
      .execute();
    await sql`insert into image_locations (image_id, store, name, state, created_at)
      select id, 'file', location, 'ready', updated_at from images where location is not null`.execute(db);
    await db.schema.alterTable('images').dropColumn('location').execute();
  },
};
