// os-reset_status: an administrator says what the status is.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findSnapshot } from '../find.ts';
import { settableStatus } from '../states.ts';
import { updateSnapshot } from '../store.ts';

export async function resetStatus(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(call, deps, 'volume_extension:snapshot_admin_actions:reset_status');
  const { status } = (call.body as { 'os-reset_status': { status: string } })['os-reset_status'];
  await updateSnapshot(deps.db.kysely, snapshot.id, {
    status: settableStatus(status),
    updated_at: isoTime(deps.clock),
  });
}
