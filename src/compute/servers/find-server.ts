// Finds the server that a request names and asks the policy about it. Another project's server does not exist.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { ServerNotFound } from '#compute/errors.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { findInstance, findInstanceEver } from './store.ts';

/**
 * @param rule `os_compute_api:servers:show` …
 * @throws ServerNotFound, PolicyDenied for the caller's own project's server
 */
export async function findServer(call: Call, deps: ComputeDeps, rule: string): Promise<InstanceRow> {
  const id = call.params['id'] ?? '';
  return allowed(call, rule, await findInstance(deps.db.kysely, id), id);
}

/** As `findServer`, deleted ones too. */
export async function findServerEver(call: Call, deps: ComputeDeps, rule: string): Promise<InstanceRow> {
  const id = call.params['id'] ?? '';
  return allowed(call, rule, await findInstanceEver(deps.db.kysely, id), id);
}

function allowed(call: Call, rule: string, row: InstanceRow | undefined, id: string): InstanceRow {
  if (!row) throw new ServerNotFound(id);
  const target = { project_id: row.project_id, user_id: row.user_id };
  if (call.allows(rule, target)) return row;
  if (row.project_id !== call.principal.projectId) throw new ServerNotFound(id);
  call.enforce(rule, target);
  return row;
}

/** Locks do not bind administrators. */
export const mayOverrideLock = (call: Call): boolean => call.principal.roles.includes('admin');
