// Files of the image store against the image service's rows. Called by compare.ts.
import type { Things } from './things.ts';

export function compareImages({ at, records, imageFiles }: Things): string[] {
  const known = new Set(records.images.flatMap((image) => [image.location, image.upload_id]));
  const files = new Map(imageFiles.filter((file) => !file.partial).map((file) => [file.name, file]));
  const orphans = imageFiles
    .filter((file) => !known.has(file.name))
    .map(
      (file) =>
        `orphan: the image store has ${file.name}${file.partial ? ', half-written,' : ''} of no image`,
    );
  const broken = records.images.flatMap((image) => {
    if (image.status === 'saving')
      return image.upload_lease !== null && Date.parse(image.upload_lease) > at
        ? []
        : [`stuck: image ${image.id} is being uploaded by nobody`];
    if (image.status !== 'active' && image.status !== 'deactivated') return [];
    const file = files.get(image.location ?? '');
    if (!file) return [`missing: image ${image.id} has no file in the store`];
    return file.bytes === image.size
      ? []
      : [`missing: the file of image ${image.id} has ${file.bytes} bytes and not ${image.size}`];
  });
  return [...orphans, ...broken];
}
