// Finds the volume of a request: another project's is not there.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { VolumeNotFound } from '#volume/errors.ts';
import { UUID } from '#volume/schema-types.ts';
import { findWholeVolume, type WholeVolume } from './store.ts';

/**
 * By `id`, for who may do what `rule` is about.
 * @throws VolumeNotFound, PolicyDenied for who may see it and not do this
 */
export async function findVolume(
  call: Call,
  { db }: Pick<VolumeDeps, 'db'>,
  rule: string,
  id = call.params['id'] ?? '',
): Promise<WholeVolume> {
  const whole = UUID.test(id) ? await findWholeVolume(db.kysely, id.toLowerCase()) : undefined;
  if (!whole) throw new VolumeNotFound(id);
  enforceOnProject(call, rule, whole.volume.project_id, 'volume:get', new VolumeNotFound(id));
  return whole;
}

/** What the caller may not even see (`seeRule`) is `absent`. */
export function enforceOnProject(
  call: Call,
  rule: string,
  projectId: string,
  seeRule: string,
  absent: Error,
): void {
  const target = { project_id: projectId };
  const isOwn = call.principal.projectId === projectId;
  if (!isOwn && !call.allows(seeRule, target) && !call.allows(rule, target)) throw absent;
  call.enforce(rule, target);
}
