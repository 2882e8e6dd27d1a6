// What the ports of a server ask of its host beside the flavor: bandwidth that is kept free for them.
import type { Migration } from '#platform/sql/migrate.ts';

export const portRequestsMigration: Migration = {
  name: '005-port-requests',
  up: async (db) => {
    await db.schema
      .alterTable('instances')
      .addColumn('port_requests_json', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
  },
};
