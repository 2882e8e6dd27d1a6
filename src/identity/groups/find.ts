// Finds the group of a request and checks the rule against it.
import type { Call } from '#platform/http/api.ts';
import type { Target } from '#platform/policy/enforcer.ts';
import type { GroupRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { authorized, lookUp } from '../resource.ts';
import { findGroup } from './store.ts';

export function groupTarget(row: GroupRow): Target {
  return { 'target.group.id': row.id, 'target.group.domain_id': row.domain_id };
}

/** @throws PolicyDenied @throws NotFound */
export async function getGroup(call: Call, deps: IdentityDeps, rule: string): Promise<GroupRow> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findGroup(deps.db.kysely, key));
  return authorized(call, rule, { what: 'group', id, row }, groupTarget);
}
