// Image data in its stores against the image service's rows. Called by compare.ts.
import type { ImageRecord } from './store.ts';
import type { ImageFile, Things } from './things.ts';

/** Longer than compute leaves a request that may be slow, and its loop needs then (`reservationMs`). */
const SETTLED_MS = 180_000;

export function compareImages({ at, records, imageFiles, ceph }: Things): string[] {
  const known = new Set(
    records.images.flatMap((image) => [image.location, image.ceph_location, image.upload_id]),
  );
  const orphansIn = (where: string, data: readonly ImageFile[]): string[] =>
    data
      .filter((file) => !known.has(file.name))
      .map((file) => `orphan: ${where} has ${file.name}${file.partial ? ', half-written,' : ''} of no image`);
  const files = wholeByName(imageFiles);
  const inCeph = ceph && wholeByName(ceph.images);
  const broken = records.images.flatMap((image) => {
    if (image.status === 'saving')
      return image.upload_lease !== null && Date.parse(image.upload_lease) > at
        ? []
        : [`stuck: image ${image.id} is being uploaded by nobody`];
    if (image.status !== 'active' && image.status !== 'deactivated') return [];
    return [
      ...(image.location === null && image.ceph_location !== null
        ? []
        : damage(image, files.get(image.location ?? ''), 'file in the store')),
      ...(image.ceph_location === null || !inCeph
        ? []
        : damage(image, inCeph.get(image.ceph_location), 'data in Ceph')),
    ];
  });
  const unfilled = records.settledImages
    .filter(({ since }) => Date.parse(since) + SETTLED_MS < at)
    .filter(({ id, state }) =>
      records.images.some((image) => image.id === id && (state !== 'kept' || image.status === 'queued')),
    )
    .map(({ id, instance_id }) => `orphan: image ${id} of server ${instance_id} is filled by nobody`);
  return [
    ...orphansIn('the image store', imageFiles),
    ...orphansIn('Ceph', ceph?.images ?? []),
    ...broken,
    ...unfilled,
  ];
}

function wholeByName(data: readonly ImageFile[]): Map<string, ImageFile> {
  return new Map(data.filter((file) => !file.partial).map((file) => [file.name, file]));
}

function damage(image: ImageRecord, found: ImageFile | undefined, what: string): string[] {
  if (!found) return [`missing: image ${image.id} has no ${what}`];
  return found.bytes === image.size
    ? []
    : [
        `missing: the ${what.split(' ')[0]} of image ${image.id} has ${found.bytes} bytes and not ${image.size}`,
      ];
}
