// os-reimage (3.68): writes an image over the volume, as a rebuild of a server that boots from it needs.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { beginChange } from '../begin.ts';
import { findVolume } from '../find.ts';
import { imagePropertiesOf } from '../image-properties.ts';
import { addMetadata, clearMetadata, updateVolume } from '../store.ts';

const GIB = 2 ** 30;

export async function reimageVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const body = (call.body as { 'os-reimage': { image_id: string; reimage_reserved?: boolean } })[
    'os-reimage'
  ];
  const reserved = body.reimage_reserved === true;
  const { volume } = await findVolume(call, deps, reserved ? 'volume:reimage_reserved' : 'volume:reimage');
  const image = await deps.image.findImage(call.token ?? '', body.image_id);
  if (!image || image.status !== 'active')
    throw new InvalidInput(`Invalid image identifier or unable to access requested image: ${body.image_id}.`);
  const bytes = Math.max(image.virtual_size ?? 0, image.size ?? 0);
  if (Math.max(image.min_disk, Math.ceil(bytes / GIB)) > volume.size)
    throw new InvalidInput(`Invalid input received: image ${image.id} does not fit into ${volume.size} GiB.`);
  await beginChange(call, deps, volume.id, {
    operation: 'reimage',
    from: reserved ? ['available', 'error', 'reserved'] : ['available', 'error'],
    lifecycle: 'downloading',
    deadlineMs: deps.config.transferMs,
    also: async (trx) => {
      await updateVolume(trx, volume.id, { image_id: image.id, bootable: 1 });
      await clearMetadata(trx, 'volume_image_metadata', volume.id);
      await addMetadata(trx, 'volume_image_metadata', volume.id, imagePropertiesOf(image));
    },
    message: (backend, ref) =>
      backend.message('reimageVolume', { ...ref, image_id: image.id, user_token: call.token ?? '' }),
  });
}
