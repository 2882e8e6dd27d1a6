// Who may do what with key pairs: users with their own, administrators with all.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const OWNER = 'rule:context_is_admin or user_id:%(user_id)s';

const rule = (name: string, description: string): PolicyRule => ({
  name: `os_compute_api:os-keypairs:${name}`,
  check: OWNER,
  description,
  scopes: ['project', 'system'],
});

export const keypairPolicies: readonly PolicyRule[] = [
  rule('index', 'List key pairs.'),
  rule('show', 'Show a key pair.'),
  rule('create', 'Create or import a key pair.'),
  rule('delete', 'Delete a key pair.'),
];
