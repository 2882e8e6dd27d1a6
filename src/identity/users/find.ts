// Finds the user of a request and checks the rule against it.
import type { Call } from '#platform/http/api.ts';
import type { Target } from '#platform/policy/enforcer.ts';
import type { UserRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { authorized, lookUp } from '../resource.ts';
import { findUser } from './store.ts';

export function userTarget(row: Pick<UserRow, 'id' | 'domain_id'>): Target {
  return { 'target.user.id': row.id, 'target.user.domain_id': row.domain_id, user_id: row.id };
}

/** @throws PolicyDenied @throws NotFound */
export async function getUser(
  call: Call,
  deps: IdentityDeps,
  rule: string,
  id = call.params['id'] ?? '',
): Promise<UserRow> {
  const row = await lookUp(id, async (key) => findUser(deps.db.kysely, key));
  return authorized(call, rule, { what: 'user', id, row }, userTarget);
}
