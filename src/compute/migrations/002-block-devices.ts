// Disks of servers beside the root disk that an image makes: volumes, ephemeral disks, swap.
import type { Migration } from '#platform/sql/migrate.ts';

export const blockDevicesMigration: Migration = {
  name: '002-block-devices',
  up: async (db) => {
    await db.schema
      .createTable('block_devices')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('instance_id', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('source_type', 'text', (c) => c.notNull())
      .addColumn('destination_type', 'text', (c) => c.notNull())
      .addColumn('volume_id', 'text')
      .addColumn('snapshot_id', 'text')
      .addColumn('image_id', 'text')
      .addColumn('volume_size', 'bigint')
      .addColumn('volume_type', 'text')
      .addColumn('boot_index', 'bigint', (c) => c.notNull())
      .addColumn('delete_on_termination', 'bigint', (c) => c.notNull())
      .addColumn('device_name', 'text', (c) => c.notNull())
      .addColumn('tag', 'text')
      .addColumn('disk_bus', 'text')
      .addColumn('device_type', 'text', (c) => c.notNull())
      .addColumn('guest_format', 'text')
      .addColumn('made', 'bigint', (c) => c.notNull())
      .addColumn('multiattach', 'bigint', (c) => c.notNull())
      .addColumn('attachment_id', 'text')
      .addColumn('connection_json', 'text')
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'text')
      .execute();
    // Two requests at once can not take the same name, nor attach a volume to a server twice.
    for (const column of ['device_name', 'volume_id'])
      await db.schema
        .createIndex(`block_devices_${column}`)
        .unique()
        .on('block_devices')
        .columns(['instance_id', column])
        .execute();
  },
};
