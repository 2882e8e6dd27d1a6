// Finds the group snapshot of a request: another project's is not there.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { UUID } from '#volume/schema-types.ts';
import type { GroupSnapshotRow } from '#volume/tables.ts';
import { enforceOnProject } from '#volume/volumes/find.ts';
import { refuseConsistencyGroup } from '../groups/consistency.ts';
import { findGroupSnapshotRow } from './store.ts';

/** @throws ResourceNotFound, PolicyDenied for who may see it and not do what `rule` is about */
export async function findGroupSnapshot(
  call: Call,
  { db }: Pick<VolumeDeps, 'db'>,
  rule: string,
  id = call.params['id'] ?? '',
): Promise<GroupSnapshotRow> {
  const row = UUID.test(id) ? await findGroupSnapshotRow(db.kysely, id.toLowerCase()) : undefined;
  const absent = new ResourceNotFound('GroupSnapshot', id);
  if (!row) throw absent;
  enforceOnProject(call, rule, row.project_id, 'group:get_group_snapshot', absent);
  return row;
}

/** As `findGroupSnapshot`, for the API of groups. @throws InvalidGroup for one of a consistency group */
export async function findGenericGroupSnapshot(
  call: Call,
  deps: Pick<VolumeDeps, 'db'>,
  rule: string,
  id?: string,
): Promise<GroupSnapshotRow> {
  const taken = await findGroupSnapshot(call, deps, rule, id);
  await refuseConsistencyGroup(deps.db.kysely, taken.group_type_id);
  return taken;
}
