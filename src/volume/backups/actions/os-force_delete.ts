// Deletes a backup in whatever status it is.
import type { Call } from '#platform/http/api.ts';
import type { VolumeAction, VolumeDeps } from '#volume/deps.ts';
import { emptyAction } from '#volume/schema-types.ts';
import { getBackup } from '../find.ts';
import { beginDelete } from '../handlers.ts';

const policy = 'volume_extension:backup_admin_actions:force_delete';

export const forceDeleteBackup: VolumeAction = {
  key: 'os-force_delete',
  handler: forceDelete,
  policy,
  body: emptyAction('os-force_delete'),
};

async function forceDelete(call: Call, deps: VolumeDeps): Promise<void> {
  const backup = await getBackup(call, deps, policy);
  await beginDelete(call, deps, backup.id, true);
}
