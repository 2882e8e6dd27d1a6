// Actions on a snapshot: for administrators and services.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { cancelRunning } from '#volume/operations/store.ts';
import type { SnapshotRow } from '#volume/tables.ts';
import { findSnapshot } from './find.ts';
import { beginDelete } from './handlers.ts';
import { updateSnapshot } from './store.ts';

const RESETTABLE: ReadonlyArray<SnapshotRow['status']> = [
  'available',
  'creating',
  'deleting',
  'error',
  'error_deleting',
];

export async function resetStatus(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(call, deps, 'volume_extension:snapshot_admin_actions:reset_status');
  const { status } = (call.body as { 'os-reset_status': { status: string } })['os-reset_status'];
  await updateSnapshot(deps.db.kysely, snapshot.id, {
    status: known(status),
    updated_at: isoTime(deps.clock),
  });
}

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
    status: known(status),
    ...(progress ? { progress } : {}),
    updated_at: isoTime(deps.clock),
  });
}

export async function forceDelete(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(call, deps, 'volume_extension:snapshot_admin_actions:force_delete');
  await deps.db.transaction(async (trx) => cancelRunning(trx, snapshot.id));
  await beginDelete(call, deps, snapshot, true);
}

function known(status: string): SnapshotRow['status'] {
  const found = RESETTABLE.find((each) => each === status.toLowerCase());
  if (!found)
    throw new InvalidInput(
      `A snapshot's status can't be set to ${status}: it is one of ${RESETTABLE.join(', ')}.`,
    );
  return found;
}
