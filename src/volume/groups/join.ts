// The group that a new volume is made in (3.13). Called by the creation of volumes.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import type { VolumeTables, VolumeTypeRow } from '#volume/tables.ts';
import { InvalidGroup } from './errors.ts';
import { findGroup } from './find.ts';
import { findGroupRow, insertMember, listGroupVolumeTypes } from './store.ts';

interface Asked {
  readonly group_id?: string | null;
  readonly consistencygroup_id?: string | null;
  readonly volume_type?: string | null;
}

/** @throws GroupNotFound, InvalidInput for a type that the group does not take */
export async function groupOfNew(
  call: Call,
  deps: VolumeDeps,
  { group_id, consistencygroup_id, volume_type }: Asked,
  type: VolumeTypeRow | undefined,
): Promise<string | null> {
  const wanted = (atLeast(call.microversion, '3.13') ? group_id : null) || consistencygroup_id;
  if (!wanted) return null;
  const group = await findGroup(call, deps, 'group:update', wanted);
  if (!volume_type || !type)
    throw new InvalidInput('volume_type must be provided when creating a volume in a group.');
  const types = (await listGroupVolumeTypes(deps.db.kysely, [group.id])).get(group.id) ?? [];
  if (!types.includes(type.id))
    throw new InvalidInput(`Group ${group.id} takes no volumes of the type ${type.name}.`);
  return group.id;
}

/** @throws InvalidGroup for one that is not available, or has gone meanwhile */
export async function joinGroup(
  trx: Executor<VolumeTables>,
  groupId: string,
  volumeId: string,
): Promise<void> {
  const group = await findGroupRow(trx, groupId);
  if (group?.status !== 'available' && group?.status !== 'creating')
    throw new InvalidGroup(
      `the status of group ${groupId} must be available to make a volume in it, and is ${group?.status ?? 'deleted'}.`,
    );
  await insertMember(trx, groupId, volumeId);
}
