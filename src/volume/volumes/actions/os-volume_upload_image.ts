// os-volume_upload_image: makes an image record on the user's behalf, and has the backend send the volume's data.
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Image } from '#platform/clients/image.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidVolume } from '#volume/errors.ts';
import { isTrue } from '#volume/schema-types.ts';
import { shownTimeOrNull } from '#volume/times.ts';
import { assertStatus, beginChange } from '../begin.ts';
import { findVolume } from '../find.ts';
import { statusOf } from '../status.ts';
import type { WholeVolume } from '../store.ts';

interface Body {
  readonly image_name: string;
  readonly force?: unknown;
  readonly disk_format?: string | null;
  readonly container_format?: string | null;
  readonly visibility?: string | null;
  readonly protected?: unknown;
}

export async function uploadImage(call: Call, deps: VolumeDeps): Promise<unknown> {
  const whole = await findVolume(call, deps, 'volume_extension:volume_actions:upload_image');
  const body = (call.body as { 'os-volume_upload_image': Body })['os-volume_upload_image'];
  const format = body.disk_format ?? 'raw';
  if (format !== 'raw')
    throw new InvalidInput(`Invalid input received: a volume is uploaded as raw, not as ${format}.`);
  if (whole.volume.encrypted === 1)
    throw new InvalidVolume(
      `Volume ${whole.volume.id} is encrypted: no image is made of it, as none would keep its key.`,
      'encrypted-upload-not-offered',
    );
  const from = isTrue(body.force) ? ['available', 'in-use'] : ['available'];
  if (statusOf(whole.volume, whole.attachments) === 'in-use' && !isTrue(body.force))
    throw new InvalidVolume(
      `Volume ${whole.volume.id} is in use: upload it with force, as it is at this moment.`,
    );
  assertStatus(whole, from, 'upload');
  const image = await makeImage(call, deps, whole, body);
  try {
    await beginChange(call, deps, whole.volume.id, {
      operation: 'upload',
      from,
      lifecycle: 'uploading',
      deadlineMs: deps.config.transferMs,
      message: (backend, ref) =>
        backend.message('uploadVolume', {
          ...ref,
          image_id: image.id,
          disk_format: format,
          user_token: call.token ?? '',
        }),
    });
  } catch (error) {
    await deps.image.deleteImage(call.token ?? '', image.id);
    throw error;
  }
  return { 'os-volume_upload_image': answer(call, whole, body, image) };
}

async function makeImage(
  call: Call,
  deps: VolumeDeps,
  { volume, imageMetadata }: WholeVolume,
  body: Body,
): Promise<Image> {
  const wanted = atLeast(call.microversion, '3.1') ? (body.visibility ?? undefined) : undefined;
  if (wanted === 'public')
    call.enforce('volume_extension:volume_actions:upload_public', { project_id: volume.project_id });
  const own = Object.entries(imageMetadata).filter(([name]) => !NOT_PASSED_ON.has(name));
  try {
    return await deps.image.createImage(call.token ?? '', {
      ...Object.fromEntries(own),
      name: body.image_name,
      disk_format: 'raw',
      container_format: body.container_format ?? 'bare',
      ...(wanted === undefined ? {} : { visibility: wanted }),
      ...(atLeast(call.microversion, '3.1') && isTrue(body.protected ?? false) ? { protected: true } : {}),
      min_disk: volume.size,
      min_ram: Number(imageMetadata['min_ram'] ?? 0) || 0,
    });
  } catch (error) {
    if (error instanceof DomainError && ['bad-request', 'conflict'].includes(error.kind))
      throw new InvalidInput(`Invalid input received: ${error.message}`);
    throw error;
  }
}

/** Of the image that the volume was made from, not of the one that is made of it. */
const NOT_PASSED_ON = new Set([
  'image_id',
  'image_name',
  'checksum',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
  'signature_verified',
]);

function answer(
  call: Call,
  { volume, typeName }: WholeVolume,
  body: Body,
  image: Image,
): Record<string, unknown> {
  return {
    id: volume.id,
    updated_at: shownTimeOrNull(volume.updated_at),
    status: 'uploading',
    display_description: volume.description,
    size: volume.size,
    volume_type: typeName,
    image_id: image.id,
    container_format: body.container_format ?? 'bare',
    disk_format: body.disk_format ?? 'raw',
    image_name: body.image_name,
    ...(atLeast(call.microversion, '3.1')
      ? { visibility: image.visibility, protected: isTrue(body.protected ?? false) }
      : {}),
  };
}
