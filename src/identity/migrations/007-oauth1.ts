// The tables of `/v3/OS-OAUTH1`.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const STATEMENTS = [
  `create table oauth_consumers (
    id text primary key, description text, sealed_secret text not null, extra text not null)`,
  `create table oauth_request_tokens (
    id text primary key, sealed_secret text not null, consumer_id text not null, project_id text not null,
    verifier text, user_id text, roles text, expires_at text not null)`,
  `create index oauth_request_tokens_consumer on oauth_request_tokens (consumer_id)`,
  `create table oauth_access_tokens (
    id text primary key, sealed_secret text not null, consumer_id text not null, project_id text not null,
    user_id text not null, roles text not null, expires_at text not null)`,
  `create index oauth_access_tokens_consumer on oauth_access_tokens (consumer_id)`,
  `create index oauth_access_tokens_user on oauth_access_tokens (user_id)`,
];

export const oauthTables: Migration = {
  name: '007-oauth1',
  up: async (db) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
