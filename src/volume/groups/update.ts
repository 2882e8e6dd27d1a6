// PUT /groups/{id}: name and description, and which volumes are in the group.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { isUniqueViolation, type Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidVolume } from '#volume/errors.ts';
import { UUID } from '#volume/schema-types.ts';
import type { GroupRow, VolumeTables } from '#volume/tables.ts';
import { statusOf } from '#volume/volumes/status.ts';
import { findWholeVolume } from '#volume/volumes/store.ts';
import { GroupNotFound, InvalidGroup } from './errors.ts';
import { findGroupType } from '../group_types/store.ts';
import { isConsistent, servicesOf } from './consistency.ts';
import { findGenericGroup } from './find.ts';
import {
  findGroupRow,
  insertMember,
  listGroupVolumeTypes,
  listMembers,
  removeMember,
  updateGroup,
} from './store.ts';

type Trx = Executor<VolumeTables>;

interface UpdateBody {
  readonly group: {
    readonly name?: string | null;
    readonly description?: string | null;
    /** Ids with commas between. */
    readonly add_volumes?: string | null;
    readonly remove_volumes?: string | null;
  };
}

export async function update(call: Call, deps: VolumeDeps): Promise<void> {
  const group = await findGenericGroup(call, deps, 'group:update');
  await updateGroupWith(deps, group, (call.body as UpdateBody).group);
}

/** @throws InvalidInput, InvalidVolume, InvalidGroup */
export async function updateGroupWith(
  deps: VolumeDeps,
  { id }: Pick<GroupRow, 'id'>,
  { name, description, add_volumes, remove_volumes }: UpdateBody['group'],
): Promise<void> {
  const [added, removed] = [idsIn(add_volumes), idsIn(remove_volumes)];
  if (name === undefined && description === undefined && added.length + removed.length === 0)
    throw new InvalidInput(
      'At least one of name, description, add_volumes and remove_volumes must be given to change a group.',
    );
  const both = added.find((each) => removed.includes(each));
  if (both) throw new InvalidVolume(`${both} is in add_volumes and in remove_volumes.`);
  await deps.db
    .transaction(async (trx) => {
      const group = await findGroupRow(trx, id);
      if (!group) throw new GroupNotFound(id);
      if (group.status !== 'available')
        throw new InvalidGroup(`the status of group ${id} must be available, and is ${group.status}.`);
      for (const each of removed) await takeOut(trx, group, each);
      const types = (await listGroupVolumeTypes(trx, [id])).get(id) ?? [];
      for (const each of added) await putIn(trx, group, types, each);
      await assertTogether(trx, group);
      await updateGroup(trx, id, {
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
        updated_at: isoTime(deps.clock),
      });
    })
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? new InvalidVolume('a volume is in one group at most.') : error;
    });
}

function idsIn(text: string | null | undefined): string[] {
  const ids = (text ?? '')
    .split(',')
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== '');
  const odd = ids.find((each) => !UUID.test(each));
  if (odd) throw new InvalidVolume(`${odd.slice(0, 64)} is no id of a volume.`);
  return [...new Set(ids)];
}

async function takeOut(trx: Trx, group: GroupRow, volumeId: string): Promise<void> {
  const whole = await findWholeVolume(trx, volumeId);
  if (whole?.groupId !== group.id)
    throw new InvalidVolume(`Cannot remove volume ${volumeId} from group ${group.id}: it is not in it.`);
  assertSteady(whole);
  await removeMember(trx, volumeId);
}

async function putIn(trx: Trx, group: GroupRow, types: readonly string[], volumeId: string): Promise<void> {
  const whole = await findWholeVolume(trx, volumeId);
  if (!whole || whole.volume.project_id !== group.project_id)
    throw new InvalidVolume(`Cannot add volume ${volumeId} to group ${group.id}: it can not be found.`);
  if (whole.groupId === group.id) return;
  if (whole.groupId) throw new InvalidVolume(`Cannot add volume ${volumeId}: it is in another group.`);
  if (!types.includes(whole.volume.volume_type_id ?? ''))
    throw new InvalidVolume(`Cannot add volume ${volumeId}: the group takes no volumes of its type.`);
  assertSteady(whole);
  await insertMember(trx, group.id, volumeId);
}

/** @throws InvalidVolume for volumes of several services whose snapshots are to be taken at one moment */
async function assertTogether(trx: Trx, group: GroupRow): Promise<void> {
  const type = await findGroupType(trx, group.group_type_id);
  if (!type || !isConsistent(type)) return;
  if (servicesOf(await listMembers(trx, group.id)).length > 1)
    throw new InvalidVolume(`the volumes of group ${group.id} must lie with one volume service.`);
}

function assertSteady(whole: NonNullable<Awaited<ReturnType<typeof findWholeVolume>>>): void {
  const status = statusOf(whole.volume, whole.attachments);
  if (status !== 'available' && status !== 'in-use')
    throw new InvalidVolume(
      `the status of volume ${whole.volume.id} must be available or in-use, and is ${status}.`,
    );
}
