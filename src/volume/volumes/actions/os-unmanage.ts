// os-unmanage: the service forgets a volume, and the backend keeps it. `os-volume-manage` takes it in again.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume, VolumeNotFound } from '#volume/errors.ts';
import { listOfVolume } from '#volume/snapshots/store.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';
import { backendOf } from '../host-name.ts';
import { findWholeVolume, removeVolume } from '../store.ts';

const FROM = ['available', 'error', 'error_managing'];

export async function unmanageVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_unmanage');
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, volume.id);
    if (!whole) throw new VolumeNotFound(volume.id);
    assertStatus(whole, FROM, 'unmanage');
    backendOf(whole.volume); // what never came to a backend is deleted, not left there
    if (whole.attachments.length > 0) throw new InvalidVolume(`volume ${volume.id} is attached or reserved.`);
    if (whole.volume.encrypted === 1)
      throw new InvalidVolume('Unmanaging encrypted volumes is not supported: the key would go with it.');
    if (whole.groupId) throw new InvalidVolume(`volume ${volume.id} is in group ${whole.groupId}.`);
    if ((await listOfVolume(trx, volume.id)).length > 0)
      throw new InvalidVolume(`volume ${volume.id} has snapshots: unmanage or delete them first.`);
    await removeVolume(trx, volume.id);
  });
}
