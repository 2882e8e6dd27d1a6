// Who asks: the token of a request against the service that issued it, and the access rules that an application credential
// may carry. Called by mount.ts.
import type { FastifyRequest } from 'fastify';
import { pathFits } from '#platform/auth/access-rule.ts';
import type { Authenticator, Principal } from '#platform/auth/principal.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Route } from './api.ts';
import { unauthenticated } from './call.ts';

/**
 * Undefined where the route wants no token, or admits callers without.
 * @throws DomainError unauthorized
 */
export async function authenticate<D>(
  route: Pick<Route<D>, 'auth'>,
  authenticator: Authenticator,
  request: FastifyRequest,
  service: string,
): Promise<Principal | undefined> {
  if (route.auth === 'none') return undefined;
  const token = request.headers['x-auth-token'];
  if (typeof token !== 'string' || token === '') {
    if (route.auth === 'optional') return undefined;
    throw unauthenticated();
  }
  const header = request.headers['x-service-token'];
  const serviceToken = typeof header === 'string' ? header : undefined;
  const principal = await authenticator.authenticate(token, serviceToken);
  if (
    principal.accessRules &&
    !accessAllowed(principal.accessRules, service, request) &&
    !(await vouched(authenticator, serviceToken))
  ) {
    throw new DomainError(
      'unauthorized',
      'access-rules',
      'The application credential does not allow this request.',
    );
  }
  return principal;
}

/** Rules bind what a user asks for, not what a service then does on their behalf and vouches for with a token of its own. */
async function vouched(authenticator: Authenticator, serviceToken: string | undefined): Promise<boolean> {
  if (serviceToken === undefined) return false;
  const service = await authenticator.authenticate(serviceToken).catch(() => undefined);
  return service !== undefined && service.roles.includes('service');
}

function accessAllowed(
  rules: NonNullable<Principal['accessRules']>,
  service: string,
  request: FastifyRequest,
): boolean {
  const path = request.url.split('?')[0] ?? '';
  const inner = path.startsWith(`/${service}/`) ? path.slice(service.length + 1) : path;
  return rules.some(
    (rule) => rule.service === service && rule.method === request.method && pathFits(rule.path, inner),
  );
}
