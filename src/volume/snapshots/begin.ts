// Begins to take and to delete snapshots: record, operation and message in one transaction. For the API of snapshots and of groups.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidSnapshot, InvalidVolume, SnapshotNotFound } from '#volume/errors.ts';
import { beginOperation, type Requester } from '#volume/operations/store.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import { volumeQueue, type VolumeOperationRef, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { SnapshotRow, VolumeTables } from '#volume/tables.ts';
import { backendOf } from '#volume/volumes/host-name.ts';
import { statusOf } from '#volume/volumes/status.ts';
import { findVolumeRow, findWholeVolume } from '#volume/volumes/store.ts';
import { findWholeSnapshot, insertSnapshot, removeSnapshot, updateSnapshot } from './store.ts';

type Trx = Executor<VolumeTables>;

export interface NewSnapshot {
  readonly snapshot: SnapshotRow;
  readonly metadata: Readonly<Record<string, string>>;
  readonly typeName: string | null;
  /** Also of a volume in use. */
  readonly inUse: boolean;
}

/** @throws InvalidVolume, VolumeQuotaExceeded */
export async function createIn(
  trx: Trx,
  call: Requester,
  deps: VolumeDeps,
  wanted: NewSnapshot,
): Promise<void> {
  const { host, ...ref } = await recordIn(trx, call, deps, wanted);
  const backend = rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host));
  await enqueue(trx, backend.message('createSnapshot', ref));
}

/** Record and operation alone: who calls sends the message to `host`. @throws as `createIn` */
export async function recordIn(
  trx: Trx,
  call: Requester,
  deps: VolumeDeps,
  { snapshot, metadata, typeName, inUse }: NewSnapshot,
): Promise<VolumeOperationRef & { readonly snapshot_id: string; readonly host: string }> {
  const { volume_id, project_id } = snapshot;
  const whole = await findWholeVolume(trx, volume_id);
  const status = whole ? statusOf(whole.volume, whole.attachments) : 'deleting';
  if (!whole || (status !== 'available' && !(inUse && status === 'in-use')))
    throw new InvalidVolume(
      `Volume ${volume_id} status must be available${inUse ? ' or in-use' : ''} to create a snapshot, and is ${status}.`,
    );
  const { size } = whole.volume;
  await assertVolumeQuota(trx, project_id, {
    snapshots: 1,
    gigabytes: size,
    typeName: typeName ?? undefined,
  });
  await insertSnapshot(trx, { ...snapshot, volume_size: size }, metadata);
  const host = backendOf(whole.volume);
  const operation_id = await beginOperation(trx, call, deps, {
    resource_type: 'snapshot',
    resource_id: snapshot.id,
    operation: 'create',
    project_id,
    host,
    deadlineMs: deps.config.operationMs,
  });
  return { operation_id, volume_id, snapshot_id: snapshot.id, host };
}

const DELETABLE = ['available', 'error', 'error_deleting'];

export interface DeleteOptions {
  /** Whatever is being done with it. */
  readonly force: boolean;
  /** Its group snapshot is deleted with it; alone, a member of one is not. */
  readonly withGroup?: true;
}

/** As `deleteIn`, in a transaction of its own. */
export async function beginDelete(
  call: Requester,
  deps: VolumeDeps,
  { id }: SnapshotRow,
  force: boolean,
): Promise<void> {
  await deps.db.transaction(async (trx) => deleteIn(trx, call, deps, id, { force }));
}

/** @throws InvalidSnapshot for one that something is being done with, unless forced */
export async function deleteIn(
  trx: Trx,
  call: Requester,
  deps: VolumeDeps,
  id: string,
  { force, withGroup }: DeleteOptions,
): Promise<void> {
  const whole = await findWholeSnapshot(trx, id);
  if (!whole) throw new SnapshotNotFound(id);
  const { snapshot, groupSnapshotId } = whole;
  if (groupSnapshotId && !withGroup)
    throw new InvalidSnapshot(`${id} is part of group snapshot ${groupSnapshotId}: delete that.`);
  if (!force && !DELETABLE.includes(snapshot.status))
    throw new InvalidSnapshot(
      `the status of snapshot ${id} must be one of ${DELETABLE.join(', ')} to be deleted, and is ${snapshot.status}.`,
    );
  const volume = await findVolumeRow(trx, snapshot.volume_id);
  if (!volume || volume.host === null) return removeSnapshot(trx, id); // nothing was ever made of it
  await updateSnapshot(trx, id, { status: 'deleting', updated_at: isoTime(deps.clock) });
  const host = backendOf(volume);
  const operation_id = await beginOperation(trx, call, deps, {
    resource_type: 'snapshot',
    resource_id: id,
    operation: 'delete',
    project_id: snapshot.project_id,
    host,
    deadlineMs: deps.config.operationMs,
  });
  const backend = rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host));
  await enqueue(
    trx,
    backend.message('deleteSnapshot', { operation_id, volume_id: volume.id, snapshot_id: id }),
  );
}
