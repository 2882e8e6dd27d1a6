// Lets a project use a private volume type.
import type { Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { VolumeAction, VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, VolumeConflict } from '#volume/errors.ts';
import { getType } from '../handlers.ts';
import { addProjectAccess as body } from '../schema.ts';
import { insertAccess } from '../store.ts';

export const addProjectAccess: VolumeAction = {
  key: 'addProjectAccess',
  handler: add,
  policy: 'volume_extension:volume_type_access:addProjectAccess',
  body,
};

async function add(call: Call, deps: VolumeDeps): Promise<void> {
  const type = await getType(call, deps);
  const { project } = (call.body as { addProjectAccess: { project: string } }).addProjectAccess;
  if (type.is_public === 1)
    throw new InvalidInput('Type access modification is not applicable to public volume type.');
  try {
    await insertAccess(deps.db.kysely, { volume_type_id: type.id, project_id: project });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new VolumeConflict(
      `Volume type access for ${type.id} / ${project} combination already exists.`,
      'type-access-exists',
    );
  }
}
