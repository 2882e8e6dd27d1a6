// Shows who may use a private volume type.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { getType } from '../handlers.ts';
import { listAccess } from '../store.ts';

export async function list(call: Call, deps: VolumeDeps): Promise<unknown> {
  const type = await getType(call, deps);
  if (type.is_public === 1) throw new ResourceNotFound('Access list of the public volume type', type.id);
  const rows = await listAccess(deps.db.kysely, type.id);
  return {
    volume_type_access: rows.map(({ volume_type_id, project_id }) => ({ volume_type_id, project_id })),
  };
}
