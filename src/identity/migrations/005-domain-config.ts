// The table of `/v3/domains/{id}/config`.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

export const domainConfigTable: Migration = {
  name: '005-domain-config',
  up: async (db) => {
    await sql
      .raw(
        `create table domain_options (
          domain_id text not null, option_group text not null, name text not null, value text not null,
          sensitive integer not null, primary key (domain_id, option_group, name))`,
      )
      .execute(db);
  },
};
