// reset_status (3.20): an administrator sets the status of a group.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import type { GroupRow } from '#volume/tables.ts';
import { findGroup } from '../find.ts';
import { updateGroup } from '../store.ts';

const RESETTABLE: ReadonlyArray<GroupRow['status']> = [
  'creating',
  'available',
  'deleting',
  'updating',
  'error',
  'error_deleting',
];

export async function resetStatus(call: Call, deps: VolumeDeps): Promise<void> {
  const { id } = await findGroup(call, deps, 'group:reset_status');
  const wanted = (call.body as { reset_status: { status: string } }).reset_status.status.toLowerCase();
  const status = RESETTABLE.find((each) => each === wanted);
  if (!status) throw new InvalidInput(`The status of a group must be one of ${RESETTABLE.join(', ')}.`);
  await updateGroup(deps.db.kysely, id, { status, updated_at: isoTime(deps.clock) });
}
