// Finds the group of a request: another project's is not there.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { UUID } from '#volume/schema-types.ts';
import type { GroupRow } from '#volume/tables.ts';
import { enforceOnProject } from '#volume/volumes/find.ts';
import { refuseConsistencyGroup } from './consistency.ts';
import { GroupNotFound } from './errors.ts';
import { findGroupRow } from './store.ts';

/** @throws GroupNotFound, PolicyDenied for who may see it and not do what `rule` is about */
export async function findGroup(
  call: Call,
  { db }: Pick<VolumeDeps, 'db'>,
  rule: string,
  id = call.params['id'] ?? '',
): Promise<GroupRow> {
  const row = UUID.test(id) ? await findGroupRow(db.kysely, id.toLowerCase()) : undefined;
  if (!row) throw new GroupNotFound(id);
  enforceOnProject(call, rule, row.project_id, 'group:get', new GroupNotFound(id));
  return row;
}

/** As `findGroup`, for the API of groups. @throws InvalidGroup for a consistency group */
export async function findGenericGroup(
  call: Call,
  deps: Pick<VolumeDeps, 'db'>,
  rule: string,
  id?: string,
): Promise<GroupRow> {
  const group = await findGroup(call, deps, rule, id);
  await refuseConsistencyGroup(deps.db.kysely, group.group_type_id);
  return group;
}
