// os-roll_detaching: takes os-begin_detaching back.
import type { Call } from '#platform/http/api.ts';
import { setStatus } from '#volume/attachments/set-status.ts';
import { listOfVolume } from '#volume/attachments/store.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';

export async function rollDetaching(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:roll_detaching');
  await deps.db.transaction(async (trx) => {
    const detaching = (await listOfVolume(trx, volume.id)).filter(({ status }) => status === 'detaching');
    await setStatus(trx, deps, detaching, 'attached');
  });
}
