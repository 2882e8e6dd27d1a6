// Rules of trusts: their two sides', and of administrators and those who read the whole system.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const READER = 'rule:admin_required or (role:reader and system_scope:all)';
const TRUSTOR = 'user_id:%(target.trust.trustor_user_id)s';
const TRUSTEE = 'user_id:%(target.trust.trustee_user_id)s';
const SEE = `${READER} or ${TRUSTOR} or ${TRUSTEE}`;

export const trustPolicies: readonly PolicyRule[] = [
  {
    name: 'identity:create_trust',
    check: 'user_id:%(trust.trustor_user_id)s',
    description: 'Make a trust, as its trustor.',
  },
  {
    name: 'identity:list_trusts',
    check: READER,
    description: 'List all trusts.',
  },
  {
    name: 'identity:list_trusts_for_trustor',
    check: `${READER} or ${TRUSTOR}`,
    description: 'List the trusts that a user gave.',
  },
  {
    name: 'identity:list_trusts_for_trustee',
    check: `${READER} or ${TRUSTEE}`,
    description: 'List the trusts that a user was given.',
  },
  { name: 'identity:list_roles_for_trust', check: SEE, description: 'List the roles of a trust.' },
  { name: 'identity:get_role_for_trust', check: SEE, description: 'See a role of a trust.' },
  { name: 'identity:get_trust', check: SEE, description: 'See a trust.' },
  {
    name: 'identity:delete_trust',
    check: `rule:admin_required or ${TRUSTOR}`,
    description: 'End a trust and all that were made from it.',
  },
];
