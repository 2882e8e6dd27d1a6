// Shows who may use a private flavor.
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import type { Call } from '#platform/http/api.ts';
import { getFlavor } from '../handlers.ts';
import { listAccess } from '../store.ts';

export async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  const flavor = await getFlavor(call, deps);
  if (flavor.is_public === 1)
    throw new NotFound('Access list not available for public flavors.', 'public-flavor');
  return accessView(deps, flavor.flavor_id);
}

export async function accessView({ db }: Pick<ComputeDeps, 'db'>, flavorId: string): Promise<unknown> {
  const rows = await listAccess(db.kysely, flavorId);
  return { flavor_access: rows.map((row) => ({ flavor_id: row.flavor_id, tenant_id: row.project_id })) };
}
