// `GET /v2/images/{image}/file`: the data, whole or a range of it, straight from the store.
import { Reply, type Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { Forbidden } from '../errors.ts';
import { findVisible } from '../images/find.ts';
import { openPlaces, placesOf } from '../locations/places.ts';
import { listLocationsOf } from '../locations/store.ts';
import { parseContentRange, parseRange } from './range.ts';

export async function downloadImageData(call: Call, deps: ImageDeps): Promise<Reply> {
  const { image } = await findVisible(call, deps, 'download_image');
  if (image.status === 'deactivated' && !call.allows('get_image_location')) {
    throw new Forbidden(
      `The requested image ${image.id} has been deactivated. Image data download is forbidden.`,
      'deactivated',
    );
  }
  const places = placesOf(deps, await listLocationsOf(deps.db.kysely, image.id));
  if (image.size === null) return new Reply(204);
  const range =
    call.headers.range === undefined
      ? parseContentRange(call.headers['content-range'], image.size)
      : parseRange(call.headers.range, image.size);
  const bytes = range ? range.end - range.start + 1 : image.size;
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(bytes),
    'accept-ranges': 'bytes',
    ...(range
      ? { 'content-range': `bytes ${range.start}-${range.end}/${image.size}` }
      : image.checksum === null
        ? {}
        : { 'content-md5': image.checksum }),
  };
  const body =
    call.method === 'HEAD' || image.size === 0 ? undefined : await openPlaces(image.id, places, range);
  return new Reply(range ? 206 : 200, body, headers);
}
