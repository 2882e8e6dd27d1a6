// Finds the project of a request and checks the rule against it.
import type { Call } from '#platform/http/api.ts';
import type { Target } from '#platform/policy/enforcer.ts';
import type { ProjectRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { authorized, lookUp } from '../resource.ts';
import { findProject } from './store.ts';

/** A domain counts as lying in itself, for the rules. */
export function projectTarget(row: ProjectRow): Target {
  const domainId = row.is_domain === 1 ? row.id : row.domain_id;
  return { 'target.project.id': row.id, 'target.project.domain_id': domainId, project_id: row.id };
}

/** @throws PolicyDenied @throws NotFound */
export async function getProject(call: Call, deps: IdentityDeps, rule: string): Promise<ProjectRow> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findProject(deps.db.kysely, key));
  return authorized(call, rule, { what: 'project', id, row }, projectTarget);
}
