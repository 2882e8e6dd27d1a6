// Bindings of ports to hosts beside the one that is active, for guests that move while they run.
import type { Migration } from '#platform/sql/migrate.ts';

export const portBindingsMigration: Migration = {
  name: '005-port-bindings',
  up: async (db) => {
    await db.schema
      .createTable('port_bindings')
      .addColumn('port_id', 'text', (column) => column.notNull())
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('vnic_type', 'text', (column) => column.notNull())
      .addColumn('profile', 'text', (column) => column.notNull())
      .addColumn('prepared', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('port_bindings_key', ['port_id', 'host'])
      .execute();
  },
};
