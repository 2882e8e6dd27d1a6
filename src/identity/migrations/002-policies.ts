// The table of `/v3/policies`.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

export const policyTable: Migration = {
  name: '002-policies',
  up: async (db) => {
    await sql
      .raw(
        'create table policies (id text primary key, type text not null, blob text not null, extra text not null)',
      )
      .execute(db);
  },
};
