// Finds the namespace of a request: what the caller may not see is not there.
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { MetadefNotFound } from '../errors.ts';
import { findNamespaceRow } from './store.ts';
import type { NamespaceRow } from './tables.ts';

/** @throws MetadefNotFound, PolicyDenied when the caller sees it and may not do it */
export async function findNamespace(call: Call, deps: ImageDeps, rule: string): Promise<NamespaceRow> {
  const name = call.params['namespace'] ?? '';
  const row = await findIfSeen(call, deps, name);
  if (!row) throw new MetadefNotFound('namespace', name);
  call.enforce(rule, targetOf(row));
  return row;
}

export async function findIfSeen(
  call: Call,
  deps: ImageDeps,
  name: string,
): Promise<NamespaceRow | undefined> {
  const row = name.includes('\0') ? undefined : await findNamespaceRow(deps.db.kysely, name);
  return row && call.allows('get_metadef_namespace', targetOf(row)) ? row : undefined;
}

export function targetOf({
  owner,
  visibility,
}: Pick<NamespaceRow, 'owner' | 'visibility'>): Record<string, unknown> {
  return { project_id: owner, owner, visibility };
}
