// Who may know where an image's data is: administrators and services, or a service that vouches with its own token.
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { placesOf } from '../locations/places.ts';
import type { ImageLocationRow } from '../tables.ts';
import type { Whereabouts } from './view.ts';

export async function mayLocate(call: Call, deps: ImageDeps): Promise<boolean> {
  if (call.allows('get_image_location')) return true;
  const token = call.headers['x-service-token'];
  if (typeof token !== 'string' || token === '') return false;
  const service = await deps.serviceTokens.authenticate(token).catch(() => undefined);
  return service !== undefined && service.roles.includes('service');
}

/** @throws PolicyDenied */
export async function requireLocator(call: Call, deps: ImageDeps): Promise<void> {
  if (!(await mayLocate(call, deps))) call.enforce('get_image_location');
}

/** @param allowed whether the caller may know more than the stores' names */
export function whereabouts(
  deps: ImageDeps,
  locations: readonly ImageLocationRow[],
  allowed: boolean,
): Whereabouts {
  const places = placesOf(deps, locations);
  const stores = places.map(({ storeId }) => storeId);
  if (!allowed) return { stores, urls: [] };
  return { stores, urls: places.map(({ store, storeId, name }) => ({ url: store.location(name), storeId })) };
}
