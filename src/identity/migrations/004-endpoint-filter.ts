// The tables of `/v3/OS-EP-FILTER`: which endpoints the catalogs of a project show.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const STATEMENTS = [
  `create table endpoint_groups (id text primary key, name text not null, description text, filters text not null)`,
  `create table project_endpoints (
    project_id text not null, kind text not null, target_id text not null,
    primary key (project_id, kind, target_id))`,
  `create index project_endpoints_target on project_endpoints (target_id)`,
];

export const endpointFilterTables: Migration = {
  name: '004-endpoint-filter',
  up: async (db) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
