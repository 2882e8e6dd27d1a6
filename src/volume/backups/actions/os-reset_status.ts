// Sets the status of a backup, for an administrator who knows better.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeAction, VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { cancelRunning } from '#volume/operations/store.ts';
import { strict } from '#volume/schema-types.ts';
import { Type } from 'typebox';
import { getBackup } from '../find.ts';
import { RESETTABLE } from '../states.ts';
import { updateBackup } from '../store.ts';

const body = Type.Object(
  { 'os-reset_status': Type.Object({ status: Type.String({ minLength: 1, maxLength: 255 }) }, strict) },
  strict,
);

const policy = 'volume_extension:backup_admin_actions:reset_status';

export const resetBackupStatus: VolumeAction = { key: 'os-reset_status', handler: reset, policy, body };

async function reset(call: Call, deps: VolumeDeps): Promise<void> {
  const backup = await getBackup(call, deps, policy);
  const asked = (call.body as { 'os-reset_status': { status: string } })['os-reset_status'].status;
  const status = RESETTABLE.find((each) => each === asked.toLowerCase());
  if (!status)
    throw new InvalidInput(`A backup's status is set to one of ${RESETTABLE.join(', ')}, not to ${asked}.`);
  await deps.db.transaction(async (trx) => {
    await cancelRunning(trx, backup.id);
    await updateBackup(trx, backup.id, { status, updated_at: isoTime(deps.clock) });
  });
}
