// Finds the snapshot of a request: another project's is not there, nor is one that the service made for itself.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { SnapshotNotFound } from '#volume/errors.ts';
import { UUID } from '#volume/schema-types.ts';
import { enforceOnProject } from '#volume/volumes/find.ts';
import { findWholeSnapshot, type WholeSnapshot } from './store.ts';

/** @throws SnapshotNotFound, PolicyDenied for who may see it and not do what `rule` is about */
export async function findSnapshot(
  call: Call,
  { db }: Pick<VolumeDeps, 'db'>,
  rule: string,
  id = call.params['id'] ?? '',
): Promise<WholeSnapshot> {
  const whole = UUID.test(id) ? await findWholeSnapshot(db.kysely, id.toLowerCase()) : undefined;
  if (!whole || whole.snapshot.internal === 1) throw new SnapshotNotFound(id);
  enforceOnProject(call, rule, whole.snapshot.project_id, 'volume:get_snapshot', new SnapshotNotFound(id));
  return whole;
}
