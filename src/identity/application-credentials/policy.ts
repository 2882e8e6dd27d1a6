// Rules of application credentials and access rules: they are their user's own.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const OWNER = 'user_id:%(target.user.id)s';
const READ = `rule:admin_required or (role:reader and system_scope:all) or ${OWNER}`;
const REMOVE = `rule:admin_required or ${OWNER}`;

export const applicationCredentialPolicies: readonly PolicyRule[] = [
  { name: 'identity:list_application_credentials', check: READ, description: "List a user's credentials." },
  { name: 'identity:get_application_credential', check: READ, description: 'See a credential.' },
  { name: 'identity:create_application_credential', check: OWNER, description: 'Make one for oneself.' },
  { name: 'identity:delete_application_credential', check: REMOVE, description: 'Remove one.' },
  { name: 'identity:list_access_rules', check: READ, description: "List a user's access rules." },
  { name: 'identity:get_access_rule', check: READ, description: 'See an access rule.' },
  { name: 'identity:delete_access_rule', check: REMOVE, description: 'Remove an access rule.' },
];
