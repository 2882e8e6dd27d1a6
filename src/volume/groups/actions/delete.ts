// The action `delete` of a group: with its volumes if asked. The deletions are begun in one transaction, each an operation of
// its own; `loops/settle-groups.ts` removes the group after the last.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { GroupRow } from '#volume/tables.ts';
import { deleteIn } from '#volume/volumes/remove.ts';
import { GroupNotFound, InvalidGroup } from '../errors.ts';
import { findGenericGroup } from '../find.ts';
import { findGroupRow, hasGroupSnapshots, listMembers, removeGroup, updateGroup } from '../store.ts';

const DELETABLE = ['available', 'error', 'error_deleting'];

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const group = await findGenericGroup(call, deps, 'group:delete');
  const asked = (call.body as { delete: { 'delete-volumes'?: unknown } }).delete['delete-volumes'];
  await deleteGroup(call, deps, group, isTrue(asked ?? false));
}

/** @throws InvalidGroup */
export async function deleteGroup(
  call: Call,
  deps: VolumeDeps,
  { id }: Pick<GroupRow, 'id'>,
  withVolumes: boolean,
): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const group = await findGroupRow(trx, id);
    if (!group) throw new GroupNotFound(id);
    if (!DELETABLE.includes(group.status))
      throw new InvalidGroup(`the status of group ${id} must be available or error, and is ${group.status}.`);
    if (await hasGroupSnapshots(trx, id))
      throw new InvalidGroup(`group ${id} has group snapshots: delete them first.`);
    const members = await listMembers(trx, id);
    if (members.length > 0 && !withVolumes)
      throw new InvalidGroup(`group ${id} has ${members.length} volumes: take them out, or delete-volumes.`);
    for (const volume of members)
      await deleteIn(trx, call, deps, volume.id, { force: false, cascade: false, withGroup: true });
    if ((await listMembers(trx, id)).length === 0) return removeGroup(trx, id);
    await updateGroup(trx, id, { status: 'deleting', fault: null, updated_at: isoTime(deps.clock) });
  });
}
