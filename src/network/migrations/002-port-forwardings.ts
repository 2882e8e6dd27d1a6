// Forwarded ports of floating IPs. The unique indexes say what may not be there twice: a port of a floating IP, and a way to
// an inner one.
import type { Migration } from '#platform/sql/migrate.ts';

export const portForwardingMigration: Migration = {
  name: '002-port-forwardings',
  up: async (db) => {
    await db.schema
      .createTable('port_forwardings')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('revision_number', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .addColumn('floatingip_id', 'text', (column) => column.notNull())
      .addColumn('protocol', 'text', (column) => column.notNull())
      .addColumn('external_port', 'integer', (column) => column.notNull())
      .addColumn('internal_port_id', 'text', (column) => column.notNull())
      .addColumn('internal_ip_address', 'text', (column) => column.notNull())
      .addColumn('internal_port', 'integer', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('port_forwardings_outside')
      .on('port_forwardings')
      .columns(['floatingip_id', 'protocol', 'external_port'])
      .unique()
      .execute();
    await db.schema
      .createIndex('port_forwardings_inside')
      .on('port_forwardings')
      .columns(['internal_port_id', 'internal_ip_address', 'protocol', 'internal_port'])
      .unique()
      .execute();
  },
};
