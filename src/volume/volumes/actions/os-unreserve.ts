// os-unreserve: gives up what os-reserve has kept.
import type { Call } from '#platform/http/api.ts';
import { release } from '#volume/attachments/reserve.ts';
import { listOfVolume } from '#volume/attachments/store.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';

export async function unreserveVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:unreserve');
  await deps.db.transaction(async (trx) => {
    const reserved = (await listOfVolume(trx, volume.id)).filter(
      ({ status, connector_json: connector }) =>
        status === 'reserved' || (status === 'attaching' && connector === null),
    );
    for (const each of reserved) await release(trx, deps, each);
  });
}
