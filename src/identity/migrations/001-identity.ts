// The first tables of identity. Applied by `service.ts` and `bootstrap.ts` before anything else.
import { sql } from 'kysely';
import type { Migration } from '#platform/sql/migrate.ts';

const STATEMENTS = [
  `create table projects (
    id text primary key, name text not null, domain_id text not null, parent_id text not null,
    is_domain integer not null, description text not null, enabled integer not null,
    tags text not null, options text not null, extra text not null)`,
  `create unique index projects_name on projects (domain_id, name)`,
  `create index projects_parent on projects (parent_id)`,
  `create table users (
    id text primary key, name text not null, domain_id text not null, enabled integer not null,
    default_project_id text, description text, options text not null, extra text not null,
    password_hash text, password_created_at text, password_expires_at text,
    failed_auth_count integer not null default 0, failed_auth_at text, created_at text not null)`,
  `create unique index users_name on users (domain_id, name)`,
  `create table password_history (
    user_id text not null, created_at text not null, password_hash text not null, self_service integer not null)`,
  `create index password_history_user on password_history (user_id, created_at)`,
  `create table "groups" (
    id text primary key, name text not null, domain_id text not null, description text not null, extra text not null)`,
  `create unique index groups_name on "groups" (domain_id, name)`,
  `create table group_members (group_id text not null, user_id text not null, primary key (group_id, user_id))`,
  `create index group_members_user on group_members (user_id)`,
  `create table roles (
    id text primary key, name text not null, domain_id text not null, description text,
    options text not null, extra text not null)`,
  `create unique index roles_name on roles (domain_id, name)`,
  `create table implied_roles (
    prior_role_id text not null, implied_role_id text not null, primary key (prior_role_id, implied_role_id))`,
  `create table assignments (
    actor_type text not null, actor_id text not null, target_type text not null, target_id text not null,
    role_id text not null, inherited integer not null,
    primary key (actor_type, actor_id, target_type, target_id, role_id, inherited))`,
  `create index assignments_target on assignments (target_type, target_id)`,
  `create index assignments_role on assignments (role_id)`,
  `create table application_credentials (
    id text primary key, name text not null, user_id text not null, project_id text not null, description text,
    secret_hash text not null, roles text not null, expires_at text, unrestricted integer not null,
    restricted_access integer not null, created_at text not null)`,
  `create unique index application_credentials_name on application_credentials (user_id, name)`,
  `create table access_rules (
    id text primary key, user_id text not null, service text not null, method text not null, path text not null)`,
  `create unique index access_rules_rule on access_rules (user_id, service, method, path)`,
  `create table credential_access_rules (
    application_credential_id text not null, access_rule_id text not null,
    primary key (application_credential_id, access_rule_id))`,
  `create table regions (id text primary key, description text not null, parent_region_id text, extra text not null)`,
  `create table services (
    id text primary key, type text not null, name text not null, description text, enabled integer not null,
    extra text not null)`,
  `create table endpoints (
    id text primary key, service_id text not null, region_id text, interface text not null, url text not null,
    enabled integer not null, extra text not null)`,
  `create index endpoints_service on endpoints (service_id)`,
  `create table credentials (
    id text primary key, user_id text not null, project_id text, type text not null, encrypted_blob text not null,
    extra text not null)`,
  `create index credentials_user on credentials (user_id)`,
  `create table revocations (
    id text primary key, audit_id text, audit_chain_id text, user_id text, issued_before bigint not null,
    revoked_at bigint not null)`,
  `create index revocations_revoked_at on revocations (revoked_at)`,
];

export const identityTables: Migration = {
  name: '001-identity',
  up: async (db) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
