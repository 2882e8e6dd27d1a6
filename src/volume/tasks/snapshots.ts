// Takes and deletes snapshots, and puts volumes back to one.
import { isoTime } from '#platform/context/clock.ts';
import type { Saga } from '#platform/saga/saga.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { runVolumeOperation, type Failure } from '#volume/host/run-operation.ts';
import { tellOwner, type OwnerMessage } from '#volume/operations/owner-message.ts';
import type { VolumeOperationRef } from '#volume/rpc.ts';
import { findSnapshotRow, removeSnapshot, updateSnapshot } from '#volume/snapshots/store.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';

type Input = VolumeOperationRef & { readonly snapshot_id: string };
type SnapshotSaga = Saga<Input, Record<string, null>>;

export async function createSnapshot(deps: BackendDeps, input: Input): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: createSnapshotSaga(deps),
    changed: 'snapshot',
    done: async (trx) => {
      const updated_at = isoTime(deps.clock);
      const snapshot = await findSnapshotRow(trx, input.snapshot_id);
      if (snapshot?.status === 'creating')
        await updateSnapshot(trx, input.snapshot_id, { status: 'available', progress: '100%', updated_at });
    },
    failed: async (trx, failure) => {
      const updated_at = isoTime(deps.clock);
      const snapshot = await findSnapshotRow(trx, input.snapshot_id);
      if (snapshot?.status === 'creating')
        await updateSnapshot(trx, input.snapshot_id, { status: 'error', fault: failure.text, updated_at });
      await tellOwner(
        trx,
        deps,
        messageOf(input, failure, 'create-snapshot', 'The snapshot could not be taken.'),
      );
    },
  });
}

export function createSnapshotSaga(deps: BackendDeps): SnapshotSaga {
  return {
    name: 'create-snapshot',
    steps: [
      {
        name: 'snapshot.create',
        needs: [],
        deadlineMs: deps.config.operationMs,
        do: async ({ input }) => {
          await deps.driver.createSnapshot(input.volume_id, input.snapshot_id);
          return null;
        },
        undo: async ({ input }) => deps.driver.deleteSnapshot(input.volume_id, input.snapshot_id),
      },
    ],
  };
}

export async function deleteSnapshot(deps: BackendDeps, input: Input): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: deleteSnapshotSaga(deps),
    changed: 'snapshot',
    done: async (trx) => removeSnapshot(trx, input.snapshot_id),
    failed: async (trx, failure) => {
      const updated_at = isoTime(deps.clock);
      await updateSnapshot(trx, input.snapshot_id, {
        status: 'error_deleting',
        fault: failure.text,
        updated_at,
      });
      await tellOwner(
        trx,
        deps,
        messageOf(input, failure, 'delete-snapshot', 'The snapshot could not be deleted.'),
      );
    },
  });
}

/** Nothing is undone: a deletion that failed is tried again by who wants it. */
export function deleteSnapshotSaga(deps: BackendDeps): SnapshotSaga {
  return {
    name: 'delete-snapshot',
    steps: [
      {
        name: 'snapshot.delete',
        needs: [],
        deadlineMs: deps.config.operationMs,
        do: async ({ input }) => {
          await deps.driver.deleteSnapshot(input.volume_id, input.snapshot_id);
          return null;
        },
      },
    ],
  };
}

export async function revertToSnapshot(deps: BackendDeps, input: Input): Promise<void> {
  const settle = async (
    trx: Parameters<typeof updateSnapshot>[0],
    changes: { readonly lifecycle: 'available' | 'error'; readonly fault?: string },
  ): Promise<void> => {
    const updated_at = isoTime(deps.clock);
    await settleVolume(trx, input.volume_id, ['reverting'], { ...changes, updated_at });
    await updateSnapshot(trx, input.snapshot_id, { status: 'available', updated_at });
  };
  await runVolumeOperation<Input, Record<string, null>>(deps, input, {
    saga: {
      name: 'revert-to-snapshot',
      steps: [
        {
          // Not undone: what the volume held is what the owner gives up.
          name: 'volume.revert',
          needs: [],
          deadlineMs: deps.config.operationMs,
          do: async () => {
            const volume = await findVolumeRow(deps.db.kysely, input.volume_id);
            await deps.driver.revertToSnapshot(input.volume_id, input.snapshot_id, volume?.size ?? 0);
            return null;
          },
        },
      ],
    },
    changed: 'volume',
    done: async (trx) => settle(trx, { lifecycle: 'available' }),
    failed: async (trx, failure) => {
      await settle(trx, { lifecycle: 'error', fault: failure.text });
      await tellOwner(trx, deps, {
        ...messageOf(input, failure, 'update-snapshot', 'The volume could not be put back to the snapshot.'),
        resourceType: 'VOLUME',
        resourceId: input.volume_id,
      });
    },
  });
}

function messageOf(
  input: Input,
  { operation, text }: Failure,
  action: OwnerMessage['action'],
  sentence: string,
): OwnerMessage {
  return {
    projectId: operation.project_id,
    requestId: operation.request_id,
    resourceType: 'VOLUME_SNAPSHOT',
    resourceId: input.snapshot_id,
    action,
    detail: action === 'create-snapshot' ? 'driver-failed-create-snapshot' : 'unknown',
    text: `${sentence} ${text}`,
  };
}
