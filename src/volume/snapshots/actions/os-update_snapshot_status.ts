// os-update_snapshot_status: a service tells how a snapshot goes.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findSnapshot } from '../find.ts';
import { settableStatus } from '../states.ts';
import { updateSnapshot } from '../store.ts';

export async function updateStatus(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(
    call,
    deps,
    'snapshot_extension:snapshot_actions:update_snapshot_status',
  );
  const { status, progress } = (
    call.body as { 'os-update_snapshot_status': { status: string; progress?: string | null } }
  )['os-update_snapshot_status'];
  await updateSnapshot(deps.db.kysely, snapshot.id, {
    status: settableStatus(status),
    ...(progress ? { progress } : {}),
    updated_at: isoTime(deps.clock),
  });
}
