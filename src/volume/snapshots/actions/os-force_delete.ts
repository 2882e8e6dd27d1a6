// os-force_delete: deletes a snapshot in whatever state it is.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { cancelRunning } from '#volume/operations/store.ts';
import { beginDelete } from '../begin.ts';
import { findSnapshot } from '../find.ts';

export async function forceDelete(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(call, deps, 'volume_extension:snapshot_admin_actions:force_delete');
  await deps.db.transaction(async (trx) => cancelRunning(trx, snapshot.id));
  await beginDelete(call, deps, snapshot, true);
}
