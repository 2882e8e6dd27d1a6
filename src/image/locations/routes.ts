// Where an image's data is: for services of the cloud alone, which clone from it or open it without copying.
import type { Call, Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { findVisible } from '../images/find.ts';
import { requireLocator } from '../images/trust.ts';
import { placesOf } from './places.ts';
import { listLocationsOf } from './store.ts';

async function listImageLocations(call: Call, deps: ImageDeps): Promise<unknown> {
  const { image } = await findVisible(call, deps, 'get_image');
  await requireLocator(call, deps);
  const places = placesOf(deps, await listLocationsOf(deps.db.kysely, image.id));
  return places.map(({ store, storeId, name }) => ({
    url: store.location(name),
    metadata: { store: storeId },
  }));
}

export const locationRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/v2/images/:image/locations', handler: listImageLocations },
];
