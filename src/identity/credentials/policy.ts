// Rules of credentials: their owner's and administrators'.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const OWNER = 'user_id:%(target.credential.user_id)s';
const READ = `rule:admin_required or (role:reader and system_scope:all) or ${OWNER}`;
const WRITE = `rule:admin_required or ${OWNER}`;

export const credentialPolicies: readonly PolicyRule[] = [
  { name: 'identity:list_credentials', check: READ, description: 'List credentials; users see their own.' },
  { name: 'identity:get_credential', check: READ, description: 'See a credential.' },
  { name: 'identity:create_credential', check: WRITE, description: 'Add a credential.' },
  { name: 'identity:update_credential', check: WRITE, description: 'Change a credential.' },
  { name: 'identity:delete_credential', check: WRITE, description: 'Remove a credential.' },
];
