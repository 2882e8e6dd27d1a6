// Deletes a backup's data, unless another record of it is there still, and then its row.
import type { Saga } from '#platform/saga/saga.ts';
import { isDataShared, removeBackup } from '#volume/backups/store.ts';
import { runBackupTask, type BackupMessage, type BackupTaskDeps } from '#volume/backups/task-deps.ts';
import type { BackupRow } from '#volume/tables.ts';

interface Outputs {
  'backup.remove': null;
}

export async function deleteBackup(deps: BackupTaskDeps, message: BackupMessage): Promise<void> {
  await runBackupTask(deps, message, {
    saga: deleteBackupSaga(deps),
    inputOf: async (backup) => backup,
    resultOf: () => ({}),
    failed: 'The backup could not be deleted',
  });
}

export function deleteBackupSaga({ db, objects, config }: BackupTaskDeps): Saga<BackupRow, Outputs> {
  return {
    name: 'delete-backup',
    steps: [
      {
        name: 'backup.remove',
        needs: [],
        deadlineMs: config.operationMs,
        do: async ({ input: backup }) => {
          // The row goes with the question, so that of two records deleted at once the second removes the data.
          const isShared = await db.transaction(async (trx) => {
            const shared = await isDataShared(trx, backup);
            if (shared) await removeBackup(trx, backup.id);
            return shared;
          });
          if (!isShared) await objects.remove(backup.data_id);
          return null;
        },
        // No undo: a backup of which a part is gone is none. It stays as error_deleting and can be deleted again.
      },
    ],
  };
}
