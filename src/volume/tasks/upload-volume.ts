// Sends a volume's content to the image service as a raw image. A volume in use is sent as it is at one moment, from a snapshot
// that is taken for it.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { isoTime } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Saga } from '#platform/saga/saga.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { rawStream } from '#volume/host/raw-stream.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import type { VolumeServiceRpc } from '#volume/rpc.ts';
import { findSnapshotRow, insertSnapshot, removeSnapshot } from '#volume/snapshots/store.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { findWholeVolume } from '#volume/volumes/store.ts';

type Input = Parameters<VolumeServiceRpc['uploadVolume']>[0];

interface Outputs {
  /** Null for a volume that nobody uses. */
  'volume.freeze': string | null;
  'volume.upload': { readonly bytes: number };
  'volume.thaw': null;
}

export async function uploadVolume(deps: BackendDeps, input: Input): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: uploadVolumeSaga(deps),
    changed: 'volume',
    done: async (trx) => {
      const updated_at = isoTime(deps.clock);
      await settleVolume(trx, input.volume_id, ['uploading'], { lifecycle: 'available', updated_at });
    },
    failed: async (trx, { operation, text }) => {
      const updated_at = isoTime(deps.clock);
      await settleVolume(trx, input.volume_id, ['uploading'], { lifecycle: 'available', updated_at });
      await tellOwner(trx, deps, {
        projectId: operation.project_id,
        requestId: operation.request_id,
        resourceType: 'VOLUME',
        resourceId: input.volume_id,
        action: 'copy-volume-to-image',
        detail: 'failed-to-upload-volume',
        text: `The volume could not be uploaded. ${text}`,
      });
    },
  });
}

export function uploadVolumeSaga(deps: BackendDeps): Saga<Input, Outputs> {
  return {
    name: 'upload-volume',
    steps: [
      {
        name: 'volume.freeze',
        needs: [],
        deadlineMs: deps.config.operationMs,
        do: async ({ input, sagaId }) => freeze(deps, input, sagaId),
        undo: async ({ input, sagaId }) => {
          await thaw(deps, input.volume_id, sagaId);
          await removeImage(deps, input);
        },
      },
      {
        name: 'volume.upload',
        needs: ['volume.freeze'],
        deadlineMs: deps.config.transferMs,
        do: async ({ input, outputs, signal, evidence }) => {
          const bytes = await send(deps, input, outputs['volume.freeze'] ?? null, signal);
          evidence({ image_id: input.image_id, bytes });
          return { bytes };
        },
        // The image goes with the first step: it was there before this one.
      },
      {
        // Nothing to undo: what is gone is gone in either case.
        name: 'volume.thaw',
        needs: ['volume.upload'],
        deadlineMs: deps.config.operationMs,
        do: async ({ input, sagaId }) => {
          await thaw(deps, input.volume_id, sagaId);
          return null;
        },
      },
    ],
  };
}

/** The record that the API made for the upload. The user may have lost the right to it meanwhile. */
async function removeImage(deps: BackendDeps, { user_token, image_id }: Input): Promise<void> {
  await deps.image.deleteImage(user_token, image_id).catch((error: unknown) => {
    if (error instanceof DomainError && ['forbidden', 'not-found', 'unauthorized'].includes(error.kind))
      return;
    throw error;
  });
}

/** The snapshot has the operation's id, so that a repetition finds it. */
async function freeze(deps: BackendDeps, input: Input, id: string): Promise<string | null> {
  const whole = await findWholeVolume(deps.db.kysely, input.volume_id);
  if (!whole) throw new VolumeBackendError('absent', `volume ${input.volume_id} is gone`);
  if (whole.attachments.length === 0) return null;
  const { volume } = whole;
  await deps.db.transaction(async (trx) => {
    if (await findSnapshotRow(trx, id)) return;
    await insertSnapshot(trx, {
      id,
      volume_id: volume.id,
      project_id: volume.project_id,
      user_id: volume.user_id,
      name: null,
      description: null,
      volume_size: volume.size,
      status: 'available',
      progress: '100%',
      volume_type_id: volume.volume_type_id,
      internal: 1,
      fault: null,
      created_at: isoTime(deps.clock),
      updated_at: null,
    });
  });
  await deps.driver.createSnapshot(volume.id, id);
  return id;
}

async function thaw(deps: BackendDeps, volumeId: string, id: string): Promise<void> {
  if (!(await findSnapshotRow(deps.db.kysely, id))) return;
  await deps.driver.deleteSnapshot(volumeId, id);
  await deps.db.transaction(async (trx) => removeSnapshot(trx, id));
}

async function send(
  deps: BackendDeps,
  { volume_id, image_id, user_token }: Input,
  snapshotId: string | null,
  signal: AbortSignal,
): Promise<number> {
  const image = await deps.image.findImage(user_token, image_id);
  if (image?.status === 'active') return image.size ?? 0; // sent already, by a run that died behind it
  await using access = await deps.driver.open(
    { volumeId: volume_id, ...(snapshotId === null ? {} : { snapshotId }) },
    'ro',
  );
  await deps.image.uploadData(user_token, image_id, rawStream(access, signal), {
    size: access.size,
    serviceToken: await deps.serviceToken(),
    signal,
  });
  return access.size;
}
