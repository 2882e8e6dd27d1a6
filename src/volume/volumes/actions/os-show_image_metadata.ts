// os-show_image_metadata: what the volume remembers of its image.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { findVolume } from '../find.ts';

export async function showImageMetadata(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { imageMetadata } = await findVolume(call, deps, 'volume_extension:volume_image_metadata:show');
  return { metadata: imageMetadata };
}
