// os-set_bootable: whether servers may boot from the volume.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { isTrue } from '#volume/schema-types.ts';
import { findVolume } from '../find.ts';
import { updateVolume } from '../store.ts';

export async function setBootable(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume:update');
  const { bootable } = (call.body as { 'os-set_bootable': { bootable: unknown } })['os-set_bootable'];
  await updateVolume(deps.db.kysely, volume.id, {
    bootable: isTrue(bootable) ? 1 : 0,
    updated_at: isoTime(deps.clock),
  });
}
