// Who may see how a volume is reached: administrators and services, or a service that vouches with its own token.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';

export async function seesConnections(call: Call, deps: VolumeDeps): Promise<boolean> {
  return call.principal.roles.includes('admin') || isVouchedFor(call, deps);
}

/** A service asks, for itself or for a user. */
export async function isVouchedFor(call: Call, { serviceTokens }: VolumeDeps): Promise<boolean> {
  if (call.principal.roles.includes('service')) return true;
  const token = call.headers['x-service-token'];
  if (typeof token !== 'string' || token === '') return false;
  const service = await serviceTokens.authenticate(token).catch(() => undefined);
  return service !== undefined && service.roles.includes('service');
}
