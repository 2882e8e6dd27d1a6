// Takes in what a backend has already: gives it the id under which the service knows it from now on.
import { isoTime } from '#platform/context/clock.ts';
import type { Saga } from '#platform/saga/saga.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import { tellOwner, type OwnerMessage } from '#volume/operations/owner-message.ts';
import type { VolumeServiceRpc } from '#volume/rpc.ts';
import { findSnapshotRow, updateSnapshot } from '#volume/snapshots/store.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';

type VolumeInput = Parameters<VolumeServiceRpc['manageVolume']>[0];
type SnapshotInput = Parameters<VolumeServiceRpc['manageSnapshot']>[0];

export async function manageVolume(deps: BackendDeps, input: VolumeInput): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: manageVolumeSaga(deps),
    changed: 'volume',
    done: async (trx) => {
      const now = isoTime(deps.clock);
      const changes = { lifecycle: 'available', updated_at: now, launched_at: now } as const;
      await settleVolume(trx, input.volume_id, ['managing'], changes);
    },
    failed: async (trx, { operation, text }) => {
      const updated_at = isoTime(deps.clock);
      const changes = { lifecycle: 'error_managing', fault: text, updated_at } as const;
      await settleVolume(trx, input.volume_id, ['managing'], changes);
      await tellOwner(trx, deps, {
        ...failureOf(operation, `The volume could not be managed in. ${text}`),
        resourceType: 'VOLUME',
        resourceId: input.volume_id,
      });
    },
  });
}

export function manageVolumeSaga(deps: BackendDeps): Saga<VolumeInput, Record<string, null>> {
  return {
    name: 'manage-volume',
    steps: [
      {
        // Not undone: it is the only step.
        name: 'volume.manage',
        needs: [],
        deadlineMs: deps.config.operationMs,
        do: async ({ input }) => {
          await deps.driver.renameVolume(input.source_id, input.volume_id);
          return null;
        },
      },
    ],
  };
}

export async function manageSnapshot(deps: BackendDeps, input: SnapshotInput): Promise<void> {
  const settle = async (
    trx: Parameters<typeof updateSnapshot>[0],
    changes: Parameters<typeof updateSnapshot>[2],
  ): Promise<void> => {
    if ((await findSnapshotRow(trx, input.snapshot_id))?.status !== 'creating') return;
    await updateSnapshot(trx, input.snapshot_id, { ...changes, updated_at: isoTime(deps.clock) });
  };
  await runVolumeOperation<SnapshotInput, Record<string, null>>(deps, input, {
    saga: {
      name: 'manage-snapshot',
      steps: [
        {
          // Not undone: it is the only step.
          name: 'snapshot.manage',
          needs: [],
          deadlineMs: deps.config.operationMs,
          do: async () => {
            await deps.driver.renameSnapshot(input.volume_id, input.source_id, input.snapshot_id);
            return null;
          },
        },
      ],
    },
    changed: 'snapshot',
    done: async (trx) => settle(trx, { status: 'available', progress: '100%' }),
    failed: async (trx, { operation, text }) => {
      await settle(trx, { status: 'error', fault: text });
      await tellOwner(trx, deps, {
        ...failureOf(operation, `The snapshot could not be managed in. ${text}`),
        resourceType: 'VOLUME_SNAPSHOT',
        resourceId: input.snapshot_id,
      });
    },
  });
}

function failureOf(
  operation: { readonly project_id: string; readonly request_id: string },
  text: string,
): Omit<OwnerMessage, 'resourceType' | 'resourceId'> {
  return {
    projectId: operation.project_id,
    requestId: operation.request_id,
    action: 'create-volume-from-backend-storage',
    detail: 'unknown',
    text,
  };
}
