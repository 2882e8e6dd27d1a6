// os-reserve: keeps the volume for an attachment that is to come, as clients did before the attachments API.
import type { Call } from '#platform/http/api.ts';
import { reservationOf, reserve } from '#volume/attachments/reserve.ts';
import { setStatus } from '#volume/attachments/set-status.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';

export async function reserveVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:reserve');
  await deps.db.transaction(async (trx) => {
    const made = await reserve(trx, deps, volume.id, reservationOf(call, volume));
    await setStatus(trx, deps, [made], 'attaching'); // these actions know no `reserved`
  });
}
