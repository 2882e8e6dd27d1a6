// os-unset_image_metadata: removes one property of what the volume remembers of its image.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { findVolume } from '../find.ts';
import { removeMetadataKey } from '../store.ts';

export async function unsetImageMetadata(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_image_metadata:remove');
  const { key } = (call.body as { 'os-unset_image_metadata': { key: string } })['os-unset_image_metadata'];
  const removed = await deps.db.transaction(async (trx) =>
    removeMetadataKey(trx, 'volume_image_metadata', volume.id, key),
  );
  if (!removed) throw new ResourceNotFound('Metadata item', key);
}
