// Who may know where an image's data is: administrators and services, or a service that vouches with its own token.
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import type { ImageRow } from '../tables.ts';
import type { Whereabouts } from './view.ts';

export async function mayLocate(call: Call, deps: ImageDeps): Promise<boolean> {
  if (call.allows('get_image_location')) return true;
  const token = call.headers['x-service-token'];
  if (typeof token !== 'string' || token === '') return false;
  const service = await deps.serviceTokens.authenticate(token).catch(() => undefined);
  return service !== undefined && service.roles.includes('service');
}

export function whereabouts(deps: ImageDeps, image: ImageRow, allowed: boolean): Whereabouts | undefined {
  return allowed && image.location !== null ? { url: deps.store.url(image.location) } : undefined;
}
