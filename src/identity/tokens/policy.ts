// Rules of tokens.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const SUBJECT = 'user_id:%(target.token.user_id)s';
const READERS = 'role:admin or (role:reader and system_scope:all) or role:service';

export const tokenPolicies: readonly PolicyRule[] = [
  {
    name: 'identity:check_token',
    check: `${READERS} or ${SUBJECT}`,
    description: 'Ask whether a token holds.',
  },
  {
    name: 'identity:validate_token',
    check: `${READERS} or ${SUBJECT}`,
    description: 'See what a token says.',
  },
  {
    name: 'identity:list_revoke_events',
    check: 'rule:admin_required or role:service',
    description: 'List which tokens were ended early.',
  },
  { name: 'identity:revoke_token', check: `role:admin or ${SUBJECT}`, description: 'End a token early.' },
];
