// The table of `/v3/policies/{id}/OS-ENDPOINT-POLICY`.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const STATEMENTS = [
  `create table policy_associations (
    endpoint_id text not null, service_id text not null, region_id text not null, policy_id text not null,
    primary key (endpoint_id, service_id, region_id))`,
  `create index policy_associations_policy on policy_associations (policy_id)`,
];

export const policyAssociationTable: Migration = {
  name: '008-endpoint-policy',
  up: async (db) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
