// The placement tables as of the first release.
import type { Migration } from '#platform/sql/migrate.ts';
import type { Kysely } from 'kysely';

export const placementMigration: Migration = {
  name: '001-placement',
  up: async (db) => {
    await providers(db);
    for (const name of ['custom_traits', 'custom_resource_classes']) {
      await db.schema
        .createTable(name)
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .execute();
    }
    await allocations(db);
  },
};

async function providers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('resource_providers')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('parent_id', 'text')
    .addColumn('root_id', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('updated_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('resource_providers_root').on('resource_providers').column('root_id').execute();
  let inventories = db.schema
    .createTable('inventories')
    .addColumn('provider_id', 'text', (c) => c.notNull())
    .addColumn('resource_class', 'text', (c) => c.notNull())
    .addColumn('allocation_ratio', 'double precision', (c) => c.notNull())
    .addColumn('updated_at', 'text', (c) => c.notNull());
  for (const column of ['total', 'reserved', 'min_unit', 'max_unit', 'step_size'])
    inventories = inventories.addColumn(column, 'bigint', (c) => c.notNull());
  await inventories
    .addPrimaryKeyConstraint('inventories_pk', ['provider_id', 'resource_class'] as never)
    .execute();
  for (const [table, column] of [
    ['provider_traits', 'trait'],
    ['provider_aggregates', 'aggregate_id'],
  ] as const) {
    await db.schema
      .createTable(table)
      .addColumn('provider_id', 'text', (c) => c.notNull())
      .addColumn(column, 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint(`${table}_pk`, ['provider_id', column] as never)
      .execute();
  }
}

async function allocations(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('consumers')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('consumer_type', 'text')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('updated_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('consumers_project_user')
    .on('consumers')
    .columns(['project_id', 'user_id'])
    .execute();
  await db.schema
    .createTable('allocations')
    .addColumn('consumer_id', 'text', (c) => c.notNull())
    .addColumn('provider_id', 'text', (c) => c.notNull())
    .addColumn('resource_class', 'text', (c) => c.notNull())
    .addColumn('used', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('allocations_pk', ['consumer_id', 'provider_id', 'resource_class'])
    .execute();
  await db.schema
    .createIndex('allocations_provider')
    .on('allocations')
    .columns(['provider_id', 'resource_class'])
    .execute();
}
