// The table of `/v3/OS-TRUST/trusts`.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const STATEMENTS = [
  `create table trusts (
    id text primary key, trustor_user_id text not null, trustee_user_id text not null, project_id text,
    impersonation integer not null, expires_at text, remaining_uses integer, redelegated_trust_id text,
    redelegation_count integer not null, roles text not null, extra text not null, created_at text not null)`,
  `create unique index trusts_same on trusts
    (trustor_user_id, trustee_user_id, project_id, impersonation, expires_at)`,
  `create index trusts_trustee on trusts (trustee_user_id)`,
  `create index trusts_project on trusts (project_id)`,
  `create index trusts_redelegated on trusts (redelegated_trust_id)`,
];

export const trustTable: Migration = {
  name: '003-trusts',
  up: async (db) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
