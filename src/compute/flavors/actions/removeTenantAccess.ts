// Takes a private flavor from a project; servers that have it keep it.
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import type { Call } from '#platform/http/api.ts';
import { accessView } from '../access/handlers.ts';
import { getFlavor } from '../handlers.ts';
import { removeAccess } from '../store.ts';

export async function removeTenantAccess(call: Call, deps: ComputeDeps): Promise<unknown> {
  const flavor = await getFlavor(call, deps);
  const { tenant } = (call.body as { removeTenantAccess: { tenant: string } }).removeTenantAccess;
  if (!(await removeAccess(deps.db.kysely, { flavor_id: flavor.flavor_id, project_id: tenant })))
    throw new NotFound(
      `Flavor access not found for ${flavor.flavor_id} / ${tenant} combination.`,
      'no-access',
    );
  return accessView(deps, flavor.flavor_id);
}
