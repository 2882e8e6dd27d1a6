// os-update_readonly_flag: whether only readers may attach the volume. Not while somebody has it.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { VolumeNotFound } from '#volume/errors.ts';
import { isTrue } from '#volume/schema-types.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';
import { addMetadata, findWholeVolume, updateVolume } from '../store.ts';

export async function updateReadonlyFlag(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume:update_readonly_flag');
  const body = (call.body as { 'os-update_readonly_flag': { readonly: unknown } })['os-update_readonly_flag'];
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, volume.id);
    if (!whole) throw new VolumeNotFound(volume.id);
    assertStatus(whole, ['available', 'creating'], 'change the readonly flag of'); // clients create and set it at once
    const readonly = isTrue(body.readonly);
    await updateVolume(trx, volume.id, { readonly: readonly ? 1 : 0, updated_at: isoTime(deps.clock) });
    // Who has said so once finds it among the metadata, also what is the default. The column alone decides.
    await addMetadata(trx, 'volume_metadata', volume.id, { readonly: readonly ? 'True' : 'False' });
  });
}
