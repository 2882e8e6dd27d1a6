// The image tables as of the first release.
import type { Migration } from '#platform/sql/migrate.ts';

export const imageMigration: Migration = {
  name: '001-images',
  up: async (db) => {
    let images = db.schema.createTable('images').addColumn('id', 'text', (c) => c.primaryKey());
    for (const name of ['status', 'visibility', 'properties_json', 'created_at', 'updated_at'])
      images = images.addColumn(name, 'text', (c) => c.notNull());
    for (const name of [
      'name',
      'owner',
      'disk_format',
      'container_format',
      'checksum',
      'os_hash_algo',
      'os_hash_value',
      'location',
      'upload_id',
      'upload_lease',
    ])
      images = images.addColumn(name, 'text');
    for (const name of ['size', 'virtual_size']) images = images.addColumn(name, 'bigint');
    for (const name of ['min_disk', 'min_ram', 'protected', 'os_hidden'])
      images = images.addColumn(name, 'bigint', (c) => c.notNull());
    await images.execute();
    await db.schema
      .createIndex('images_owner_visibility')
      .on('images')
      .columns(['owner', 'visibility'])
      .execute();
    await db.schema
      .createTable('used_image_ids')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .execute();
    await db.schema
      .createTable('image_tags')
      .addColumn('image_id', 'text', (c) => c.notNull())
      .addColumn('tag', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('image_tags_pk', ['image_id', 'tag'])
      .execute();
    await db.schema
      .createTable('image_members')
      .addColumn('image_id', 'text', (c) => c.notNull())
      .addColumn('member', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('image_members_pk', ['image_id', 'member'])
      .execute();
    await db.schema.createIndex('image_members_member').on('image_members').columns(['member']).execute();
  },
};
