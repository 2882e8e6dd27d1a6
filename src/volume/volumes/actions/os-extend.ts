// os-extend: makes a volume larger; from 3.42 also one that is in use.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import { beginChange } from '../begin.ts';
import { findVolume } from '../find.ts';
import { statusOf } from '../status.ts';
import { updateVolume } from '../store.ts';

export async function extendVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const whole = await findVolume(call, deps, 'volume:extend');
  const { volume } = whole;
  const size = Number((call.body as { 'os-extend': { new_size: number | string } })['os-extend'].new_size);
  if (size <= volume.size)
    throw new InvalidInput(
      `New size for extend must be greater than current size. (current: ${volume.size}, extended: ${size}).`,
    );
  const inUse = atLeast(call.microversion, '3.42') && statusOf(volume, whole.attachments) === 'in-use';
  if (inUse) call.enforce('volume:extend_attached_volume', { project_id: volume.project_id });
  let old_size = volume.size;
  await beginChange(call, deps, volume.id, {
    operation: 'extend',
    from: inUse ? ['available', 'in-use'] : ['available'],
    lifecycle: 'extending',
    deadlineMs: deps.config.operationMs,
    // Counted from now on: two extensions at once can't both take what is left of the quota.
    also: async (trx, { volume: now, typeName }) => {
      old_size = now.size;
      await assertVolumeQuota(trx, volume.project_id, {
        per_volume_gigabytes: size,
        gigabytes: size - now.size,
        typeName: typeName ?? undefined,
      });
      await updateVolume(trx, volume.id, { size });
    },
    message: (backend, ref) => backend.message('extendVolume', { ...ref, new_size: size, old_size }),
  });
}
