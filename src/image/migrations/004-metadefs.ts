// Metadata definitions: what properties mean, for people and forms. Begins with the resource types that clients expect.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const RESOURCE_TYPES = [
  'OS::Cinder::Volume',
  'OS::Glance::Image',
  'OS::Nova::Aggregate',
  'OS::Nova::Flavor',
  'OS::Nova::Server',
];

export const metadefsMigration: Migration = {
  name: '004-metadefs',
  up: async (db) => {
    const times = ['created_at', 'updated_at'] as const;
    let namespaces = db.schema
      .createTable('metadef_namespaces')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('namespace', 'text', (c) => c.notNull().unique())
      .addColumn('display_name', 'text')
      .addColumn('description', 'text')
      .addColumn('visibility', 'text', (c) => c.notNull())
      .addColumn('protected', 'integer', (c) => c.notNull())
      .addColumn('owner', 'text', (c) => c.notNull());
    let types = db.schema
      .createTable('metadef_resource_types')
      .addColumn('name', 'text', (c) => c.primaryKey());
    let associations = db.schema
      .createTable('metadef_associations')
      .addColumn('namespace_id', 'text', (c) => c.notNull())
      .addColumn('resource_type', 'text', (c) => c.notNull())
      .addColumn('prefix', 'text')
      .addColumn('properties_target', 'text');
    let items = db.schema
      .createTable('metadef_items')
      .addColumn('namespace_id', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('body_json', 'text', (c) => c.notNull());
    for (const time of times) {
      namespaces = namespaces.addColumn(time, 'text', (c) => c.notNull());
      types = types.addColumn(time, 'text', (c) => c.notNull());
      associations = associations.addColumn(time, 'text', (c) => c.notNull());
      items = items.addColumn(time, 'text', (c) => c.notNull());
    }
    await namespaces.execute();
    await types.execute();
    await associations
      .addPrimaryKeyConstraint('metadef_associations_pk', ['namespace_id', 'resource_type'])
      .execute();
    await items.addPrimaryKeyConstraint('metadef_items_pk', ['namespace_id', 'kind', 'name']).execute();
    const now = new Date().toISOString();
    for (const name of RESOURCE_TYPES)
      await sql`insert into metadef_resource_types (name, created_at, updated_at) values (${name}, ${now}, ${now})`.execute(
        db,
      );
  },
};
