// Takes a private volume type from a project. Its volumes of that type stay.
import type { Call } from '#platform/http/api.ts';
import type { VolumeAction, VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { getType } from '../handlers.ts';
import { removeProjectAccess as body } from '../schema.ts';
import { removeAccess } from '../store.ts';

export const removeProjectAccess: VolumeAction = {
  key: 'removeProjectAccess',
  handler: remove,
  policy: 'volume_extension:volume_type_access:removeProjectAccess',
  body,
};

async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const type = await getType(call, deps);
  const { project } = (call.body as { removeProjectAccess: { project: string } }).removeProjectAccess;
  if (type.is_public === 1)
    throw new InvalidInput('Type access modification is not applicable to public volume type.');
  if (!(await removeAccess(deps.db.kysely, { volume_type_id: type.id, project_id: project })))
    throw new ResourceNotFound('Volume type access', `${type.id} / ${project}`);
}
