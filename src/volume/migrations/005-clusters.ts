// Clusters of volume services, and which service is a member of one.
import type { Migration } from '#platform/sql/migrate.ts';

export const clusterMigration: Migration = {
  name: '005-clusters',
  up: async (db) => {
    await db.schema.alterTable('volume_services').addColumn('cluster_name', 'text').execute();
    await db.schema
      .createTable('volume_clusters')
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('binary', 'text', (c) => c.notNull())
      .addColumn('disabled', 'bigint', (c) => c.notNull())
      .addColumn('disabled_reason', 'text')
      .addColumn('frozen', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'text')
      .addPrimaryKeyConstraint('volume_clusters_pk', ['name', 'binary'])
      .execute();
  },
};
