// Makes a volume on this backend and fills it. What fails for a reason of the backend's is tried on another one.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { VolumeSource } from '#drivers/volume/port.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import type { Saga, Step } from '#platform/saga/saga.ts';
import type { Executor } from '#platform/sql/database.ts';
import { applyBackedUp } from '#volume/backups/end.ts';
import type { BackedUpVolume } from '#volume/backups/manifest.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { encryptNew, eraseVolume, lockAnew, openContent } from '#volume/host/encryption.ts';
import { ImageUnusable, loadImage } from '#volume/host/load-image.ts';
import { spoolDirOf } from '#volume/host/paths.ts';
import { runVolumeOperation, type Failure } from '#volume/host/run-operation.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import { updateOperation } from '#volume/operations/store.ts';
import { VOLUME_SCHEDULER_QUEUE, type CreateVolumeMessage, type VolumeSchedulerRpc } from '#volume/rpc.ts';
import { findSnapshotRow } from '#volume/snapshots/store.ts';
import type { VolumeRow, VolumeTables } from '#volume/tables.ts';
import { backendIn } from '#volume/volumes/host-name.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { findVolumeRow, updateVolume } from '#volume/volumes/store.ts';
import { fillFromBackup } from './restore-backup.ts';

export interface CreateOutputs {
  'volume.create': { readonly bytes_copied: number; readonly filled: boolean };
  'volume.load': { readonly bytes_copied: number; readonly backed_up?: BackedUpVolume };
}

type Input = CreateVolumeMessage;
type CreateStep<K extends keyof CreateOutputs> = Step<Input, CreateOutputs, K>;

export async function createVolume(deps: BackendDeps, input: Input): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: createVolumeSaga(deps),
    attempt: input.attempt,
    changed: 'volume',
    done: async (trx, outputs) => {
      const now = isoTime(deps.clock);
      const backedUp = outputs['volume.load'].backed_up;
      if (backedUp) await applyBackedUp(trx, input.volume_id, backedUp);
      await settleVolume(trx, input.volume_id, ['creating', 'downloading', 'restoring-backup'], {
        lifecycle: 'available',
        fault: null,
        bytes_copied: outputs['volume.create'].bytes_copied + outputs['volume.load'].bytes_copied,
        launched_at: now,
        updated_at: now,
      });
    },
    failed: async (trx, failure) => conclude(trx, deps, input, failure),
  });
}

export function createVolumeSaga(deps: BackendDeps): Saga<Input, CreateOutputs> {
  return { name: 'create-volume', steps: [create(deps), load(deps)] };
}

function create(deps: BackendDeps): CreateStep<'volume.create'> {
  return {
    name: 'volume.create',
    needs: [],
    deadlineMs: deps.config.operationMs,
    do: async ({ input, evidence }) => {
      const volume = await wanted(deps, input.volume_id);
      // An image is no ciphertext of this volume's: it is written through the encryption.
      const cloned = volume.encrypted === 1 ? undefined : await cloneImage(deps, volume, input.user_token);
      const source = await sourceOf(deps, volume);
      const { bytesCopied } = cloned ?? (await deps.driver.createVolume(volume.id, volume.size, source));
      if (volume.encrypted === 1) await encryptNew(deps, volume, source);
      evidence({
        backend: volume.host,
        size_gib: volume.size,
        source: source.kind,
        image_cloned: cloned !== undefined,
        ...(volume.encrypted === 1 ? { encrypted: true } : {}),
        bytes_copied: bytesCopied,
      });
      return { bytes_copied: bytesCopied, filled: cloned !== undefined };
    },
    undo: async ({ input }) => deps.driver.deleteVolume(input.volume_id),
  };
}

/** Gone, or being deleted: what was begun is undone. */
async function wanted(deps: BackendDeps, id: string): Promise<VolumeRow> {
  const volume = await findVolumeRow(deps.db.kysely, id);
  if (!volume || volume.lifecycle === 'deleting')
    throw new VolumeBackendError('absent', `volume ${id} is not wanted any more`);
  return volume;
}

async function cloneImage(
  deps: BackendDeps,
  volume: VolumeRow,
  token: string | null,
): Promise<{ bytesCopied: number } | undefined> {
  if (volume.image_id === null || token === null) return undefined;
  const serviceToken = await deps.serviceToken();
  const image = await deps.image.findImage(token, volume.image_id);
  const locations = (await deps.image.getImageLocations(token, volume.image_id, serviceToken)) ?? [];
  for (const { url } of locations) {
    const location = { imageId: volume.image_id, url, diskFormat: image?.disk_format ?? 'raw' };
    const cloned = await deps.driver.cloneImage(volume.id, volume.size, location);
    if (cloned) return cloned;
  }
  return undefined;
}

async function sourceOf(deps: BackendDeps, volume: VolumeRow): Promise<VolumeSource> {
  if (volume.source_volid !== null) return { kind: 'volume', volumeId: volume.source_volid };
  if (volume.snapshot_id === null) return { kind: 'blank' };
  const snapshot = await findSnapshotRow(deps.db.kysely, volume.snapshot_id);
  if (!snapshot) throw new VolumeBackendError('absent', `snapshot ${volume.snapshot_id} is gone`);
  return { kind: 'snapshot', volumeId: snapshot.volume_id, snapshotId: snapshot.id };
}

/** Nothing of its own to undo: the volume goes with the step before. */
function load(deps: BackendDeps): CreateStep<'volume.load'> {
  return {
    name: 'volume.load',
    needs: ['volume.create'],
    deadlineMs: deps.config.transferMs,
    do: async ({ input, outputs, evidence, signal, waitingFor }) => {
      const volume = await wanted(deps, input.volume_id);
      if (volume.backup_id !== null) return restoreInto(deps, volume, volume.backup_id, signal);
      if (volume.image_id === null || outputs['volume.create']?.filled) return { bytes_copied: 0 };
      await settleVolume(deps.db.kysely, volume.id, ['creating'], { lifecycle: 'downloading' });
      waitingFor(`the data of image ${volume.image_id}`);
      const bytes = await loadInto(deps, volume, input.user_token, signal);
      evidence({ image_id: volume.image_id, bytes_copied: bytes });
      return { bytes_copied: bytes };
    },
  };
}

async function restoreInto(
  deps: BackendDeps,
  volume: VolumeRow,
  backupId: string,
  signal: AbortSignal,
): Promise<CreateOutputs['volume.load']> {
  await using access = await deps.driver.open({ volumeId: volume.id }, 'rw');
  const { bytesWritten, backedUp } = await fillFromBackup(deps, backupId, access, signal);
  if (volume.encrypted === 1) await lockAnew(deps, volume, backupId, access);
  return { bytes_copied: bytesWritten, backed_up: backedUp };
}

/** Writes the volume's image into it. `erase`: it is not new, and what it holds must not shine through. */
export async function loadInto(
  deps: BackendDeps,
  volume: Pick<VolumeRow, 'id' | 'image_id' | 'encrypted' | 'volume_type_id'>,
  token: string | null,
  signal: AbortSignal,
  erase = false,
): Promise<number> {
  const imageId = volume.image_id ?? '';
  if (token === null) throw new ImageUnusable(imageId, 'the request came without a token to read it with');
  const serviceToken = await deps.serviceToken();
  const image = await deps.image.locateImage(token, imageId, serviceToken);
  if (!image || image.status !== 'active') throw new ImageUnusable(imageId, 'it is gone or not active');
  if (erase) await eraseVolume(deps, volume);
  await using access = await openContent(deps, volume, 'rw');
  return await loadImage({
    // before the access is closed
    image,
    location: image.direct_url,
    openData: async () => deps.image.openData(token, imageId, serviceToken),
    access,
    fillHoles: volume.encrypted === 1,
    spoolDir: spoolDirOf(deps),
    signal,
  });
}

const RETRIED = ['no-space', 'unreachable', 'failed'];

async function conclude(
  trx: Executor<VolumeTables>,
  deps: BackendDeps,
  input: Input,
  failure: Failure,
): Promise<'again' | void> {
  const { cause, text, operation, cancelled } = failure;
  const now = isoTime(deps.clock);
  const elsewhere = cause instanceof VolumeBackendError && RETRIED.includes(cause.fault);
  if (elsewhere && !cancelled && input.attempt < deps.config.maxAttempts) {
    await updateVolume(trx, input.volume_id, {
      lifecycle: 'creating',
      fault: text,
      host: null,
      updated_at: now,
    });
    await updateOperation(trx, operation.id, { host: null });
    const scheduler = rpcClient<VolumeSchedulerRpc>(deps.bus, VOLUME_SCHEDULER_QUEUE);
    const exclude = await triedBefore(trx, operation.id);
    await enqueue(trx, scheduler.message('selectBackend', { ...input, attempt: input.attempt + 1, exclude }));
    return 'again';
  }
  const settled = await settleVolume(trx, input.volume_id, ['creating', 'downloading', 'restoring-backup'], {
    lifecycle: 'error',
    fault: text,
    host: null, // undone: nothing of it is on the backend
    updated_at: now,
  });
  if (!settled) return;
  await tellOwner(trx, deps, {
    projectId: operation.project_id,
    requestId: operation.request_id,
    resourceType: 'VOLUME',
    resourceId: input.volume_id,
    action: cause instanceof ImageUnusable ? 'copy-image-to-volume' : 'schedule-allocate-volume',
    detail: cause instanceof ImageUnusable ? 'image-format-unacceptable' : 'unknown',
    text,
  });
}

async function triedBefore(trx: Executor<VolumeTables>, operationId: string): Promise<string[]> {
  const steps = await listSteps(trx, [operationId]);
  return steps.flatMap(({ step, output }) => {
    const backend = (output as { backend?: unknown } | null)?.backend;
    return step === 'volume.schedule' && typeof backend === 'string' ? [backendIn(backend)] : [];
  });
}
