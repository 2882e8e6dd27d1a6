// Who may see how a volume is reached: administrators and services, or a service that vouches with its own token.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';

export async function seesConnections(call: Call, { serviceTokens }: VolumeDeps): Promise<boolean> {
  const { roles } = call.principal;
  if (roles.includes('service') || roles.includes('admin')) return true;
  const token = call.headers['x-service-token'];
  if (typeof token !== 'string' || token === '') return false;
  const service = await serviceTokens.authenticate(token).catch(() => undefined);
  return service !== undefined && service.roles.includes('service');
}
