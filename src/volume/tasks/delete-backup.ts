// Deletes a backup's data, unless another record of it is there still, and then its row.
import type { Saga } from '#platform/saga/saga.ts';
import { settleBackup } from '#volume/backups/end.ts';
import { backupObjectsOf } from '#volume/backups/objects/of-service.ts';
import { findBackup, isDataShared, removeBackup } from '#volume/backups/store.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import type { VolumeOperationRef } from '#volume/rpc.ts';

type Input = VolumeOperationRef & { readonly backup_id: string };

interface Outputs {
  'backup.remove': null;
}

export async function deleteBackup(deps: BackendDeps, args: Input): Promise<void> {
  await runVolumeOperation(deps, args, {
    saga: deleteBackupSaga(deps),
    changed: 'backup',
    lock: args.backup_id,
    done: async (trx, _outputs, operation) => settleBackup(trx, deps, operation, { failure: null }),
    failed: async (trx, { operation, text }) => settleBackup(trx, deps, operation, { failure: text }),
  });
}

export function deleteBackupSaga(deps: BackendDeps): Saga<Input, Outputs> {
  const { db, config } = deps;
  return {
    name: 'delete-backup',
    steps: [
      {
        name: 'backup.remove',
        needs: [],
        deadlineMs: config.operationMs,
        do: async ({ input: { backup_id } }) => {
          const backup = await findBackup(db.kysely, backup_id);
          if (!backup) return null;
          // The row goes with the question, so that of two records deleted at once the second removes the data.
          const isShared = await db.transaction(async (trx) => {
            const shared = await isDataShared(trx, backup);
            if (shared) await removeBackup(trx, backup.id);
            return shared;
          });
          if (!isShared) await backupObjectsOf(deps).remove(backup.data_id);
          return null;
        },
        // No undo: a backup of which a part is gone is none. It stays as error_deleting and can be deleted again.
      },
    ],
  };
}
