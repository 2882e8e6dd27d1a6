// Ends what is done with a group as a whole. Its steps are operations on its members, sagas of their own; when the last has
// ended, the group is done, or what the others did is undone. State alone decides, so that a crash at any point leaves nothing
// half: the loop looks again.
import { isoTime } from '#platform/context/clock.ts';
import { startLoop } from '#platform/loop/loop.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import type { Requester } from '#volume/operations/store.ts';
import { VOLUME_CHANGED } from '#volume/rpc.ts';
import { deleteIn as deleteSnapshotIn } from '#volume/snapshots/begin.ts';
import { removeSnapshot } from '#volume/snapshots/store.ts';
import type { VolumeTables } from '#volume/tables.ts';
import { deleteIn as deleteVolumeIn } from '#volume/volumes/remove.ts';
import {
  findGroupSnapshotRow,
  listMemberSnapshots,
  listUnsettledGroupSnapshots,
  removeGroupSnapshot,
  updateGroupSnapshot,
} from '../group_snapshots/store.ts';
import {
  findGroupRow,
  listMembers,
  listUnsettledGroups,
  removeGroup,
  removeMember,
  updateGroup,
} from '../groups/store.ts';

type Trx = Executor<VolumeTables>;

/** Runs at its interval and whenever a backend has ended an operation. */
export async function startSettleGroups(deps: VolumeDeps): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const loop = startLoop({
    name: 'volume-settle-groups',
    intervalMs: deps.config.expiryIntervalMs,
    log: deps.log,
    run: async () => settleGroups(deps),
  });
  starting.use(loop);
  const subscription = await deps.bus.subscribe(VOLUME_CHANGED, () => loop.nudge());
  starting.defer(async () => subscription.close());
  return starting.move();
}

export async function settleGroups(deps: VolumeDeps): Promise<void> {
  const { db } = deps;
  for (const { id } of await listUnsettledGroups(db.kysely))
    await db.transaction(async (trx) => settleGroup(trx, deps, id));
  for (const { id } of await listUnsettledGroupSnapshots(db.kysely))
    await db.transaction(async (trx) => settleGroupSnapshot(trx, deps, id));
}

const onBehalf = (row: { readonly request_id: string; readonly user_id: string }): Requester => ({
  requestId: row.request_id,
  principal: { userId: row.user_id },
});

async function settleGroup(trx: Trx, deps: VolumeDeps, id: string): Promise<void> {
  const group = await findGroupRow(trx, id);
  const members = await listMembers(trx, id);
  const updated_at = isoTime(deps.clock);
  if (group?.status === 'deleting') {
    if (members.length === 0) return removeGroup(trx, id);
    if (members.some(({ lifecycle }) => lifecycle === 'deleting')) return;
    const fault = members.find((each) => each.fault !== null)?.fault ?? null;
    return updateGroup(trx, id, { status: 'error_deleting', fault, updated_at });
  }
  if (group?.status !== 'creating' || group.updated_at !== null) return; // null: nobody has set the status since
  if (members.some(({ lifecycle }) => ['creating', 'downloading'].includes(lifecycle))) return;
  const failed = members.find(({ lifecycle }) => lifecycle !== 'available');
  if (!failed && members.length > 0) return updateGroup(trx, id, { status: 'available', updated_at });
  for (const volume of members) {
    await removeMember(trx, volume.id);
    if (volume.lifecycle !== 'deleting')
      await deleteVolumeIn(trx, onBehalf(group), deps, volume.id, { force: true, cascade: true });
  }
  await updateGroup(trx, id, { status: 'error', fault: failed?.fault ?? null, updated_at });
}

async function settleGroupSnapshot(trx: Trx, deps: VolumeDeps, id: string): Promise<void> {
  const taken = await findGroupSnapshotRow(trx, id);
  const members = await listMemberSnapshots(trx, id);
  const updated_at = isoTime(deps.clock);
  if (taken?.status === 'deleting') {
    if (members.length === 0) return removeGroupSnapshot(trx, id);
    if (members.some(({ status }) => status === 'deleting')) return;
    const fault = members.find((each) => each.fault !== null)?.fault ?? null;
    return updateGroupSnapshot(trx, id, { status: 'error_deleting', fault, updated_at });
  }
  if (taken?.status !== 'creating' || taken.updated_at !== null) return; // null: nobody has set the status since
  if (members.some(({ status }) => status === 'creating')) return;
  const failed = members.find(({ status }) => status === 'error');
  if (!failed && members.length > 0) return updateGroupSnapshot(trx, id, { status: 'available', updated_at });
  for (const { id: snapshot, status } of members) {
    if (status === 'error') await removeSnapshot(trx, snapshot); // its own saga has undone it
    else if (status !== 'deleting')
      await deleteSnapshotIn(trx, onBehalf(taken), deps, snapshot, { force: true, withGroup: true });
  }
  await updateGroupSnapshot(trx, id, { status: 'error', fault: failed?.fault ?? null, updated_at });
}
