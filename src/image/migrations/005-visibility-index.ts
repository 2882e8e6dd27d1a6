// An index for the images that everybody sees, so that a list need not look at all of other projects'.
import type { Migration } from '#platform/sql/migrate.ts';

export const visibilityIndexMigration: Migration = {
  name: '005-visibility-index',
  up: async (db) => {
    await db.schema.createIndex('images_visibility').on('images').column('visibility').execute();
  },
};
