// The tables of `/v3/registered_limits` and `/v3/limits`.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const STATEMENTS = [
  `create table registered_limits (
    id text primary key, service_id text not null, region_id text, resource_name text not null,
    default_limit integer not null, description text)`,
  `create unique index registered_limits_same on registered_limits
    (service_id, (coalesce(region_id, '')), resource_name)`,
  `create table limits (
    id text primary key, registered_limit_id text not null, project_id text, domain_id text,
    resource_limit integer not null, description text)`,
  `create unique index limits_same on limits
    (registered_limit_id, (coalesce(project_id, '')), (coalesce(domain_id, '')))`,
  `create index limits_project on limits (project_id)`,
];

export const limitTables: Migration = {
  name: '006-limits',
  up: async (db) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
