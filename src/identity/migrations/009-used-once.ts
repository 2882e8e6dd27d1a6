// Tables of what may be used once: passcodes by time, and signed OAuth requests.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const STATEMENTS = [
  `create table passcode_tries (user_id text primary key, step bigint not null, tries bigint not null)`,
  `create index passcode_tries_step on passcode_tries (step)`,
  `create table passcodes_taken (credential_id text primary key, step bigint not null)`,
  `create index passcodes_taken_step on passcodes_taken (step)`,
  `create table oauth_requests (digest text primary key, forget_at bigint not null)`,
  `create index oauth_requests_forget_at on oauth_requests (forget_at)`,
];

export const usedOnceTables: Migration = {
  name: '009-used-once',
  up: async (db) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
