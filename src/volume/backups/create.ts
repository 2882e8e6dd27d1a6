// POST /backups: from the request to the record, the operation and the message for the volume's service, in one transaction.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { copyKeyFor } from '#volume/keys/keys.ts';
import { findKeyOf, insertKey } from '#volume/keys/store.ts';
import { InvalidSnapshot, InvalidVolume } from '#volume/errors.ts';
import { beginOperation } from '#volume/operations/store.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import { isTrue } from '#volume/schema-types.ts';
import { findSnapshot } from '#volume/snapshots/find.ts';
import { findSnapshotRow, updateSnapshot } from '#volume/snapshots/store.ts';
import type { BackupRow, SnapshotRow, VolumeRow, VolumeTables } from '#volume/tables.ts';
import { findVolume } from '#volume/volumes/find.ts';
import { backendOf } from '#volume/volumes/host-name.ts';
import { statusOf } from '#volume/volumes/status.ts';
import { findWholeVolume, updateVolume } from '#volume/volumes/store.ts';
import { InvalidBackup } from './errors.ts';
import { findLatestOf, insertBackup } from './store.ts';
import { changedView } from './view.ts';

interface CreateBody {
  readonly backup: {
    readonly volume_id: string;
    readonly container?: string | null;
    readonly name?: string | null;
    readonly description?: string | null;
    readonly incremental?: unknown;
    readonly force?: unknown;
    readonly snapshot_id?: string | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
    readonly availability_zone?: string | null;
  };
}

const DEFAULT_CONTAINER = 'volumebackups';

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { backup: asked } = call.body as CreateBody;
  const { volume } = await findVolume(call, deps, 'backup:create', asked.volume_id);
  const snapshot = await snapshotOf(call, deps, asked.snapshot_id, volume);
  const now = isoTime(deps.clock);
  const incremental = isTrue(asked.incremental ?? false);
  const id = crypto.randomUUID();
  const ofVolume = await findKeyOf(deps.db.kysely, volume.id);
  const key = ofVolume && (await copyKeyFor(deps, id, ofVolume));
  const row = await deps.db.transaction(async (trx): Promise<BackupRow> => {
    await claimSource(trx, { volume, snapshot, force: isTrue(asked.force ?? false), now });
    if ((await findKeyOf(trx, volume.id))?.id !== ofVolume?.id)
      throw new InvalidVolume(`${volume.id} was encrypted anew a moment ago: try again.`);
    const parent = incremental
      ? await findLatestOf(trx, {
          volumeId: volume.id,
          projectId: volume.project_id,
          before: snapshot?.created_at ?? now,
        })
      : undefined;
    if (incremental && !parent) throw new InvalidBackup('No backups available to do an incremental backup.');
    const size = snapshot?.volume_size ?? volume.size;
    await assertVolumeQuota(trx, volume.project_id, { backups: 1, backup_gigabytes: size });
    const host = backendOf(volume);
    const backup: BackupRow = {
      id,
      project_id: volume.project_id,
      user_id: call.principal.userId,
      volume_id: volume.id,
      snapshot_id: snapshot?.id ?? null,
      name: asked.name ?? null,
      description: asked.description ?? null,
      status: 'creating',
      fail_reason: null,
      size,
      container: asked.container ?? DEFAULT_CONTAINER,
      data_id: id,
      parent_id: parent?.id ?? null,
      data_timestamp: snapshot?.created_at ?? now,
      object_count: 0,
      bytes_stored: 0,
      service_host: host,
      availability_zone: asked.availability_zone ?? volume.availability_zone,
      metadata_json: JSON.stringify(asked.metadata ?? {}),
      restore_volume_id: null,
      encryption_key_id: key?.id ?? null,
      created_at: now,
      updated_at: null,
    };
    await insertBackup(trx, backup);
    if (key) await insertKey(trx, key);
    await sendCreate(trx, call, deps, backup, host);
    return backup;
  });
  return { backup: changedView(call, row) };
}

async function snapshotOf(
  call: Call,
  deps: VolumeDeps,
  id: string | null | undefined,
  volume: VolumeRow,
): Promise<SnapshotRow | undefined> {
  if (id === undefined || id === null) return undefined;
  const { snapshot } = await findSnapshot(call, deps, 'volume:get_snapshot', id);
  if (snapshot.volume_id !== volume.id)
    throw new InvalidSnapshot(`${snapshot.id} is no snapshot of volume ${volume.id}.`);
  return snapshot;
}

interface Source {
  readonly volume: VolumeRow;
  readonly snapshot: SnapshotRow | undefined;
  readonly force: boolean;
  readonly now: string;
}

/** Nothing else is begun with what is being backed up. @throws InvalidVolume, InvalidSnapshot */
async function claimSource(
  trx: Executor<VolumeTables>,
  { volume, snapshot, force, now }: Source,
): Promise<void> {
  const whole = await findWholeVolume(trx, volume.id);
  const status = whole ? statusOf(whole.volume, whole.attachments) : 'deleting';
  if (!whole || whole.volume.host === null || (status !== 'available' && status !== 'in-use'))
    throw new InvalidVolume(`the status of ${volume.id} must be available or in-use, and is ${status}.`);
  if (snapshot) {
    const current = await findSnapshotRow(trx, snapshot.id);
    if (current?.status !== 'available')
      throw new InvalidSnapshot(
        `the status of ${snapshot.id} must be available, and is ${current?.status ?? 'deleted'}.`,
      );
    await updateSnapshot(trx, snapshot.id, { status: 'backing-up', updated_at: now });
    return;
  }
  if (status === 'in-use' && !force)
    throw new InvalidVolume('Backing up an in-use volume must use the force flag.');
  await updateVolume(trx, volume.id, { lifecycle: 'backing-up', updated_at: now });
}

async function sendCreate(
  trx: Executor<VolumeTables>,
  call: Call,
  deps: VolumeDeps,
  { id, volume_id, project_id }: BackupRow,
  host: string,
): Promise<void> {
  const operation_id = await beginOperation(trx, call, deps, {
    resource_type: 'backup',
    resource_id: id,
    operation: 'create',
    project_id,
    host,
    deadlineMs: deps.config.transferMs,
  });
  await enqueue(
    trx,
    rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host)).message('createBackup', {
      operation_id,
      volume_id,
      backup_id: id,
    }),
  );
}
