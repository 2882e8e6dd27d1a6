// os-begin_detaching: says that a volume in use is being detached.
import type { Call } from '#platform/http/api.ts';
import { setStatus } from '#volume/attachments/set-status.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { VolumeNotFound } from '#volume/errors.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';
import { findWholeVolume } from '../store.ts';

export async function beginDetaching(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:begin_detaching');
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, volume.id);
    if (!whole) throw new VolumeNotFound(volume.id);
    assertStatus(whole, ['in-use'], 'detach');
    const attached = whole.attachments.filter(({ status }) => status === 'attached');
    // Of several nobody says which one is meant: the volume stays in use by the others.
    if (attached.length === 1) await setStatus(trx, deps, attached, 'detaching');
  });
}
