// Deletes a volume with its snapshots. Nothing is undone: a deletion that failed is tried again by who wants it.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Saga } from '#platform/saga/saga.ts';
import { restoreConnections } from '#volume/host/connections.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import type { VolumeOperationRef } from '#volume/rpc.ts';
import { listOfVolume, updateSnapshot } from '#volume/snapshots/store.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { removeVolume } from '#volume/volumes/store.ts';

interface Outputs {
  'volume.delete-snapshots': number;
  'volume.delete': null;
}

export async function deleteVolume(deps: BackendDeps, input: VolumeOperationRef): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: deleteVolumeSaga(deps),
    changed: 'volume',
    done: async (trx) => removeVolume(trx, input.volume_id),
    failed: async (trx, { operation, text }) => {
      const updated_at = isoTime(deps.clock);
      await settleVolume(trx, input.volume_id, ['deleting'], {
        lifecycle: 'error_deleting',
        fault: text,
        updated_at,
      });
      for (const { id } of await listOfVolume(trx, input.volume_id))
        await updateSnapshot(trx, id, { status: 'error_deleting', fault: text, updated_at });
      await tellOwner(trx, deps, {
        projectId: operation.project_id,
        requestId: operation.request_id,
        resourceType: 'VOLUME',
        resourceId: input.volume_id,
        action: 'unmanage-volume',
        detail: 'unknown',
        text: `The volume could not be deleted. ${text}`,
      });
    },
  });
}

export function deleteVolumeSaga(deps: BackendDeps): Saga<VolumeOperationRef, Outputs> {
  return {
    name: 'delete-volume',
    steps: [
      {
        name: 'volume.delete-snapshots',
        needs: [],
        deadlineMs: deps.config.operationMs,
        do: async ({ input }) => {
          const stored = (await deps.driver.list()).find(({ volumeId }) => volumeId === input.volume_id);
          const ids = stored?.snapshotIds ?? [];
          for (const id of ids.toReversed()) await deps.driver.deleteSnapshot(input.volume_id, id);
          return ids.length;
        },
      },
      {
        name: 'volume.delete',
        needs: ['volume.delete-snapshots'],
        deadlineMs: deps.config.operationMs,
        do: async ({ input }) => {
          try {
            await deps.driver.deleteVolume(input.volume_id);
          } catch (error) {
            if (!(error instanceof VolumeBackendError) || error.fault !== 'busy') throw error;
            await restoreConnections(deps); // an export whose end was not heard yet: its attachment is gone
            await deps.driver.deleteVolume(input.volume_id);
          }
          return null;
        },
      },
    ],
  };
}
