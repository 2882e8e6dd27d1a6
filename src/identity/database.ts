// Row types of identity's tables, for Kysely. Only the `store.ts` files name the tables in queries.
import type { Database, Executor } from '#platform/sql/database.ts';

/** Projects, and domains (`is_domain` 1, `domain_id` and `parent_id` empty). A top project's parent is its domain. */
export interface ProjectRow {
  id: string;
  name: string;
  domain_id: string;
  parent_id: string;
  is_domain: number;
  description: string;
  enabled: number;
  /** JSON array of strings. */
  tags: string;
  /** JSON object. */
  options: string;
  /** JSON object: attributes beyond the API's own. */
  extra: string;
}

export interface UserRow {
  id: string;
  name: string;
  domain_id: string;
  enabled: number;
  default_project_id: string | null;
  description: string | null;
  options: string;
  extra: string;
  /** PHC string; null: the user has no password and cannot log in with one. */
  password_hash: string | null;
  password_created_at: string | null;
  password_expires_at: string | null;
  failed_auth_count: number;
  failed_auth_at: string | null;
  created_at: string;
}

export interface PasswordHistoryRow {
  user_id: string;
  created_at: string;
  password_hash: string;
  /** 1 when its user chose it, 0 when an administrator did. */
  self_service: number;
}

export interface GroupRow {
  id: string;
  name: string;
  domain_id: string;
  description: string;
  extra: string;
}

export interface GroupMemberRow {
  group_id: string;
  user_id: string;
}

export interface RoleRow {
  id: string;
  name: string;
  /** Empty: a role of the whole cloud. */
  domain_id: string;
  description: string | null;
  options: string;
  extra: string;
}

export interface ImpliedRoleRow {
  prior_role_id: string;
  implied_role_id: string;
}

export interface AssignmentRow {
  actor_type: 'user' | 'group';
  actor_id: string;
  target_type: 'project' | 'domain' | 'system';
  /** `system` for the system. */
  target_id: string;
  role_id: string;
  inherited: number;
}

export interface ApplicationCredentialRow {
  id: string;
  name: string;
  user_id: string;
  project_id: string;
  description: string | null;
  secret_hash: string;
  /** JSON array of role ids. */
  roles: string;
  expires_at: string | null;
  unrestricted: number;
  /** 1: limited to its access rules, even when none is left. */
  restricted_access: number;
  created_at: string;
}

export interface AccessRuleRow {
  id: string;
  user_id: string;
  service: string;
  method: string;
  path: string;
}

export interface CredentialAccessRuleRow {
  application_credential_id: string;
  access_rule_id: string;
}

export interface RegionRow {
  id: string;
  description: string;
  parent_region_id: string | null;
  extra: string;
}

export interface ServiceRow {
  id: string;
  type: string;
  name: string;
  description: string | null;
  enabled: number;
  extra: string;
}

export interface EndpointRow {
  id: string;
  service_id: string;
  region_id: string | null;
  interface: 'public' | 'internal' | 'admin';
  url: string;
  enabled: number;
  extra: string;
}

/** A text for services to fetch. */
export interface PolicyRow {
  id: string;
  type: string;
  blob: string;
  extra: string;
}

export interface CredentialRow {
  id: string;
  user_id: string;
  project_id: string | null;
  type: string;
  /** Encrypted with the credential keys. */
  encrypted_blob: string;
  extra: string;
}

/** Tokens that match all the set columns and were issued no later than `issued_before` are refused. */
export interface RevocationRow {
  id: string;
  audit_id: string | null;
  audit_chain_id: string | null;
  user_id: string | null;
  /** Milliseconds since the epoch. */
  issued_before: number;
  revoked_at: number;
}

/** `trustee_user_id` may do in the project what `trustor_user_id` may do there by `roles`. */
export interface TrustRow {
  id: string;
  trustor_user_id: string;
  trustee_user_id: string;
  /** Null: a trust without roles, which lets its trustee be known as the trustor. */
  project_id: string | null;
  /** 1: tokens say that they are the trustor's. */
  impersonation: number;
  expires_at: string | null;
  /** Null: as many as one likes. */
  remaining_uses: number | null;
  redelegated_trust_id: string | null;
  /** How many trusts may follow from it, one from the other. */
  redelegation_count: number;
  /** JSON array of role ids. */
  roles: string;
  extra: string;
  created_at: string;
}

/** Endpoints by what they have. */
export interface EndpointGroupRow {
  id: string;
  name: string;
  description: string | null;
  /** JSON object with some of `service_id`, `region_id`, `interface`. */
  filters: string;
}

/** An endpoint, or a group of them, that catalogs of the project show; a project without any sees all. */
export interface ProjectEndpointRow {
  project_id: string;
  kind: 'endpoint' | 'group';
  target_id: string;
}

/** What a domain sets itself. */
export interface DomainOptionRow {
  domain_id: string;
  option_group: string;
  name: string;
  /** JSON; encrypted with the credential keys when sensitive. */
  value: string;
  sensitive: number;
}

/** How much of a service's resource everyone may have who has no limit of their own. */
export interface RegisteredLimitRow {
  id: string;
  service_id: string;
  region_id: string | null;
  resource_name: string;
  default_limit: number;
  description: string | null;
}

/** A project's or a domain's own. */
export interface LimitRow {
  id: string;
  registered_limit_id: string;
  project_id: string | null;
  domain_id: string | null;
  resource_limit: number;
  description: string | null;
}

/** A program that users may let act for them (OAuth 1.0). */
export interface ConsumerRow {
  id: string;
  description: string | null;
  /** Encrypted with the credential keys. */
  sealed_secret: string;
  extra: string;
}

/** Before it is authorized it has no `verifier`, `user_id` and `roles`. */
export interface RequestTokenRow {
  id: string;
  sealed_secret: string;
  consumer_id: string;
  project_id: string;
  verifier: string | null;
  user_id: string | null;
  /** JSON array of role ids. */
  roles: string | null;
  expires_at: string;
}

/** Lets its consumer act for `user_id` in the project with the roles. */
export interface AccessTokenRow {
  id: string;
  sealed_secret: string;
  consumer_id: string;
  project_id: string;
  user_id: string;
  roles: string;
  expires_at: string;
}

/** Of `endpoint_id` alone, `service_id` alone, or `service_id` with `region_id`; the others are empty. */
export interface PolicyAssociationRow {
  endpoint_id: string;
  service_id: string;
  region_id: string;
  policy_id: string;
}

/** How many passcodes a user has tried in the newest step of 30 s. */
export interface PasscodeTriesRow {
  user_id: string;
  step: number;
  tries: number;
}

/** The last step whose passcode of the credential was taken. */
export interface PasscodeTakenRow {
  credential_id: string;
  step: number;
}

/** A signed request that was answered. */
export interface OAuthRequestRow {
  /** Of its consumer, token, time and nonce. */
  digest: string;
  /** Milliseconds since the epoch. */
  forget_at: number;
}

export interface IdentityTables {
  projects: ProjectRow;
  users: UserRow;
  password_history: PasswordHistoryRow;
  groups: GroupRow;
  group_members: GroupMemberRow;
  roles: RoleRow;
  implied_roles: ImpliedRoleRow;
  assignments: AssignmentRow;
  application_credentials: ApplicationCredentialRow;
  access_rules: AccessRuleRow;
  credential_access_rules: CredentialAccessRuleRow;
  regions: RegionRow;
  services: ServiceRow;
  endpoints: EndpointRow;
  credentials: CredentialRow;
  revocations: RevocationRow;
  policies: PolicyRow;
  trusts: TrustRow;
  policy_associations: PolicyAssociationRow;
  oauth_consumers: ConsumerRow;
  oauth_request_tokens: RequestTokenRow;
  oauth_access_tokens: AccessTokenRow;
  oauth_requests: OAuthRequestRow;
  passcode_tries: PasscodeTriesRow;
  passcodes_taken: PasscodeTakenRow;
  endpoint_groups: EndpointGroupRow;
  project_endpoints: ProjectEndpointRow;
  domain_options: DomainOptionRow;
  registered_limits: RegisteredLimitRow;
  limits: LimitRow;
}

export type IdentityDatabase = Database<IdentityTables>;
export type IdentityExecutor = Executor<IdentityTables>;
