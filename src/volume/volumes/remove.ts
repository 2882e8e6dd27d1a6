// DELETE /volumes/{id} and os-force_delete: refuses what is in use or has snapshots, else hands it to the backend.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume, VolumeNotFound } from '#volume/errors.ts';
import { beginOperation, cancelRunning, endRunning, type Requester } from '#volume/operations/store.ts';
import { readBoolean } from '#volume/paging.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import { listOfVolume, updateSnapshot } from '#volume/snapshots/store.ts';
import type { VolumeTables } from '#volume/tables.ts';
import { findVolume } from './find.ts';
import { backendIn } from './host-name.ts';
import { statusOf } from './status.ts';
import { findWholeVolume, removeVolume, updateVolume, type WholeVolume } from './store.ts';

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const flag = (name: string): boolean => {
    const text = call.query.get(name);
    return text !== null && readBoolean(name, text);
  };
  const force = atLeast(call.microversion, '3.23') && flag('force');
  const { volume } = await findVolume(call, deps, force ? 'volume:force_delete' : 'volume:delete');
  await beginDelete(call, deps, volume.id, { force, cascade: flag('cascade') });
}

const DELETABLE = [
  'available',
  'error',
  'error_restoring',
  'error_extending',
  'error_deleting',
  'error_managing',
];
const SNAPSHOT_DELETABLE = ['available', 'error', 'error_deleting'];

export interface DeleteOptions {
  /** Whatever is being done with it; never while it is attached. */
  readonly force: boolean;
  /** With its snapshots. */
  readonly cascade: boolean;
  /** Its group is deleted with it; alone, a member of a group is not. */
  readonly withGroup?: true;
}

/** @throws InvalidVolume */
export async function beginDelete(
  call: Call,
  deps: VolumeDeps,
  id: string,
  options: DeleteOptions,
): Promise<void> {
  await deps.db.transaction(async (trx) => deleteIn(trx, call, deps, id, options));
}

/** As `beginDelete`, in the caller's transaction. */
export async function deleteIn(
  trx: Executor<VolumeTables>,
  call: Requester,
  deps: VolumeDeps,
  id: string,
  options: DeleteOptions,
): Promise<void> {
  const whole = await findWholeVolume(trx, id);
  if (!whole) throw new VolumeNotFound(id);
  await assertDeletable(trx, whole, options);
  if (options.force) await cancelRunning(trx, id);
  const { volume } = whole;
  const now = isoTime(deps.clock);
  if (volume.host === null) {
    await endRunning(trx, id, {
      now,
      failure: 'The volume was deleted before a backend was chosen for it.',
    });
    return removeVolume(trx, id);
  }
  await updateVolume(trx, id, { lifecycle: 'deleting', forced_status: null, updated_at: now });
  for (const snapshot of await listOfVolume(trx, id))
    await updateSnapshot(trx, snapshot.id, { status: 'deleting', updated_at: now });
  const host = backendIn(volume.host);
  const operation_id = await beginOperation(trx, call, deps, {
    resource_type: 'volume',
    resource_id: id,
    operation: 'delete',
    project_id: volume.project_id,
    host,
    deadlineMs: deps.config.operationMs,
  });
  await enqueue(
    trx,
    rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host)).message('deleteVolume', {
      operation_id,
      volume_id: id,
    }),
  );
}

async function assertDeletable(
  trx: Executor<VolumeTables>,
  whole: WholeVolume,
  { force, cascade, withGroup }: DeleteOptions,
): Promise<void> {
  const { volume, attachments, groupId } = whole;
  if (groupId && !withGroup)
    throw new InvalidVolume(`Volume ${volume.id} is in group ${groupId}: take it out, or delete the group.`);
  const status = statusOf(volume, attachments);
  if (attachments.length > 0)
    throw new InvalidVolume(
      `Volume ${volume.id} can't be deleted while it is attached or reserved: end its attachments first.`,
    );
  if (!force && !DELETABLE.includes(status))
    throw new InvalidVolume(
      `Volume status must be ${DELETABLE.join(' or ')} and it must not be attached, to be deleted; it is ${status}.`,
    );
  const snapshots = (await listOfVolume(trx, volume.id)).filter(({ internal }) => internal === 0);
  if (snapshots.length > 0 && !cascade)
    throw new InvalidVolume(
      `Volume ${volume.id} still has ${snapshots.length} snapshots: delete them first, or with it (cascade).`,
    );
  const busy = snapshots.find((each) => !SNAPSHOT_DELETABLE.includes(each.status));
  if (busy && !force)
    throw new InvalidVolume(`its snapshot ${busy.id} is ${busy.status}, and can't be deleted with it.`);
}
