// reset_status (3.19): an administrator sets the status of a group snapshot.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import type { GroupSnapshotRow } from '#volume/tables.ts';
import { findGroupSnapshot } from '../find.ts';
import { updateGroupSnapshot } from '../store.ts';

const RESETTABLE: ReadonlyArray<GroupSnapshotRow['status']> = [
  'creating',
  'available',
  'deleting',
  'error',
  'error_deleting',
];

export async function resetStatus(call: Call, deps: VolumeDeps): Promise<void> {
  const { id } = await findGroupSnapshot(call, deps, 'group:reset_group_snapshot_status');
  const wanted = (call.body as { reset_status: { status: string } }).reset_status.status.toLowerCase();
  const status = RESETTABLE.find((each) => each === wanted);
  if (!status)
    throw new InvalidInput(`The status of a group snapshot must be one of ${RESETTABLE.join(', ')}.`);
  await updateGroupSnapshot(deps.db.kysely, id, { status, updated_at: isoTime(deps.clock) });
}
