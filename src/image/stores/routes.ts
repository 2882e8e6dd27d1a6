// One store's copy of an image, by the store's name.
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, Forbidden, ImageNotFound } from '../errors.ts';
import { findVisible } from '../images/find.ts';
import { discardData, placesOf, requireUnused } from '../locations/places.ts';
import { listLocationsOf, removeLocation } from '../locations/store.ts';

async function deleteFromStore(call: Call, deps: ImageDeps): Promise<Reply> {
  const { image } = await findVisible(call, deps, 'delete_image_location');
  if (image.status !== 'active')
    throw new Conflict(`Image ${image.id} is not active: its data is left as it is.`, 'not-active');
  const store = call.params['store'] ?? '';
  const places = placesOf(deps, await listLocationsOf(deps.db.kysely, image.id));
  const here = places.filter((place) => place.storeId === store);
  if (here.length === 0) throw new ImageNotFound(`${image.id} in the store ${store.slice(0, 100)}`);
  await requireUnused(image.id, here);
  const removed = await deps.db.transaction(async (trx) => {
    const now = await listLocationsOf(trx, image.id);
    if (now.length < 2) return false;
    return removeLocation(trx, image.id, here[0]!.name); // one image is once in a store
  });
  if (!removed)
    throw new Forbidden(
      `Store ${store} has the only data of image ${image.id}: delete the image.`,
      'last-data',
    );
  await discardData(deps, here);
  return new Reply(204);
}

export const storeRoutes: readonly Route<ImageDeps>[] = [
  {
    method: 'DELETE',
    path: '/v2/stores/:store/:image',
    handler: deleteFromStore,
    success: 204,
    policy: 'delete_image_location',
    errors: [409],
  },
];
