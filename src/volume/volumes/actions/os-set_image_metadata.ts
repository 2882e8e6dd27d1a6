// os-set_image_metadata: adds to what the volume remembers of its image.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';
import { addMetadata, findWholeVolume } from '../store.ts';

export async function setImageMetadata(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_image_metadata:set');
  const { metadata } = (call.body as { 'os-set_image_metadata': { metadata: Record<string, string> } })[
    'os-set_image_metadata'
  ];
  await deps.db.transaction(async (trx) => addMetadata(trx, 'volume_image_metadata', volume.id, metadata));
  return { metadata: (await findWholeVolume(deps.db.kysely, volume.id))?.imageMetadata ?? {} };
}
