// Rules of OAuth: administrators register consumers and, as upstream by default, alone authorize them.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = 'rule:admin_required or (role:reader and system_scope:all)';

export const oauthPolicies: readonly PolicyRule[] = [
  { name: 'identity:get_consumer', check: READ, description: 'See a consumer.' },
  { name: 'identity:list_consumers', check: READ, description: 'List consumers.' },
  { name: 'identity:create_consumer', check: ADMIN, description: 'Register a consumer.' },
  { name: 'identity:update_consumer', check: ADMIN, description: 'Change a consumer.' },
  { name: 'identity:delete_consumer', check: ADMIN, description: 'Remove a consumer and its tokens.' },
  {
    name: 'identity:authorize_request_token',
    check: ADMIN,
    description: 'Let a consumer act with roles of the caller.',
  },
  { name: 'identity:get_access_token', check: ADMIN, description: 'See an access token.' },
  { name: 'identity:get_access_token_role', check: ADMIN, description: 'See a role of an access token.' },
  { name: 'identity:list_access_tokens', check: ADMIN, description: "List a user's access tokens." },
  {
    name: 'identity:list_access_token_roles',
    check: ADMIN,
    description: 'List the roles of an access token.',
  },
  { name: 'identity:delete_access_token', check: ADMIN, description: 'End an access token.' },
];
