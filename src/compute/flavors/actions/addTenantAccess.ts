// Lets a project use a private flavor.
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict } from '#compute/errors.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import { accessView } from '../access/handlers.ts';
import { getFlavor } from '../handlers.ts';
import { insertAccess } from '../store.ts';

export async function addTenantAccess(call: Call, deps: ComputeDeps): Promise<unknown> {
  const flavor = await getFlavor(call, deps);
  const { tenant } = (call.body as { addTenantAccess: { tenant: string } }).addTenantAccess;
  if (flavor.is_public === 1 && atLeast(call.microversion, '2.7'))
    throw new Conflict('Can not add access to a public flavor.', 'public-flavor');
  try {
    await insertAccess(deps.db.kysely, { flavor_id: flavor.flavor_id, project_id: tenant });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(
      `Flavor access already exists for flavor ${flavor.flavor_id} and project ${tenant} combination.`,
      'access-exists',
    );
  }
  return accessView(deps, flavor.flavor_id);
}
