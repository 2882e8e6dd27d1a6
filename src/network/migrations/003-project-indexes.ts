// Indexes for lists of one project's resources, and for counts against its quota.
import type { Migration } from '#platform/sql/migrate.ts';

const INDEXES: ReadonlyArray<readonly [table: string, column: string]> = [
  ['subnets', 'project_id'],
  ['routers', 'project_id'],
  ['subnetpools', 'project_id'],
  ['subnetpools', 'shared'],
  ['address_scopes', 'project_id'],
  ['address_scopes', 'shared'],
  ['address_groups', 'project_id'],
  ['security_group_rules', 'project_id'],
  ['rbac_policies', 'project_id'],
];

export const projectIndexesMigration: Migration = {
  name: '003-project-indexes',
  up: async (db) => {
    for (const [table, column] of INDEXES)
      await db.schema.createIndex(`${table}_${column}`).on(table).column(column).execute();
  },
};
