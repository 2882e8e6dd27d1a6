// Lists the snapshots that a backend holds, and manages one in that it holds already.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { beginOperation } from '#volume/operations/store.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { SnapshotRow } from '#volume/tables.ts';
import type { Manageable } from '../manageable_volumes/manageable.ts';
import {
  findBackend,
  idIn,
  listStored,
  referenceOf,
  type Listed,
  type Reference,
} from '../manageable_volumes/stored.ts';
import { insertSnapshot, listSnapshotIds } from '../snapshots/store.ts';
import { briefView } from '../snapshots/view.ts';
import { findVolume } from '../volumes/find.ts';
import { backendOf } from '../volumes/host-name.ts';

interface ListedSnapshot extends Listed {
  readonly volumeId: string;
}

export const manageableSnapshots: Manageable<ListedSnapshot> = {
  kind: 'snapshot',
  thingsIn: ({ volumeId, sizeGb: size, snapshotIds }) => snapshotIds.map((id) => ({ id, size, volumeId })),
  known: listSnapshotIds,
  more: ({ volumeId }) => ({ source_reference: referenceOf(volumeId, 'volume') }),
};

interface ManageBody {
  readonly snapshot: {
    readonly volume_id: string;
    readonly ref: Reference;
    readonly name?: string | null;
    readonly description?: string | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
  };
}

export async function manage(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { snapshot: wanted } = call.body as ManageBody;
  const { volume, typeName } = await findVolume(
    call,
    deps,
    'snapshot_extension:snapshot_manage',
    wanted.volume_id,
  );
  const { host } = await findBackend(deps, backendOf(volume));
  const source = idIn(wanted.ref, 'snapshot');
  const stored = (await listStored(deps, host)).find(({ volumeId }) => volumeId === volume.id);
  if (!stored?.snapshotIds.includes(source))
    throw new InvalidInput('The backend holds no snapshot of this reference.', 'no-such-reference');
  const snapshot: SnapshotRow = {
    id: crypto.randomUUID(),
    project_id: volume.project_id,
    user_id: call.principal.userId,
    volume_id: volume.id,
    name: wanted.name ?? null,
    description: wanted.description ?? null,
    status: 'creating',
    fault: null,
    volume_size: volume.size,
    volume_type_id: volume.volume_type_id,
    progress: '0%',
    internal: 0,
    created_at: isoTime(deps.clock),
    updated_at: null,
  };
  const metadata = wanted.metadata ?? {};
  await deps.db.transaction(async (trx) => {
    if ((await listSnapshotIds(trx, [source])).length > 0)
      throw new InvalidInput(`Snapshot ${source} is managed already.`, 'already-managed');
    await assertVolumeQuota(trx, volume.project_id, {
      snapshots: 1,
      gigabytes: volume.size,
      typeName: typeName ?? undefined,
    });
    await insertSnapshot(trx, snapshot, metadata);
    const operation_id = await beginOperation(trx, call, deps, {
      resource_type: 'snapshot',
      resource_id: snapshot.id,
      operation: 'manage',
      project_id: volume.project_id,
      host,
      deadlineMs: deps.config.operationMs,
    });
    const backend = rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host));
    const ref = { operation_id, volume_id: volume.id, snapshot_id: snapshot.id };
    await enqueue(trx, backend.message('manageSnapshot', { ...ref, source_id: source }));
  });
  return { snapshot: briefView(call, { snapshot, metadata }) };
}
