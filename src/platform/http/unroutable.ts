// Addresses that Fastify refuses before it looks for a route: a broken escape, a part too long for any name. They get the
// answer of the service below whose prefix they are. `mount.ts` registers the services, whoever makes the app calls the rest.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '#platform/errors/domain-error.ts';

type Refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

const services = new WeakMap<FastifyInstance, Map<string, Refuse>>();

export function registerRefusal(app: FastifyInstance, prefix: string, refuse: Refuse): void {
  const known = services.get(app) ?? new Map<string, Refuse>();
  services.set(app, known.set(prefix, refuse));
}

/** Fastify's `frameworkErrors` for `app`. */
export function refuseUnroutable(
  app: FastifyInstance,
  error: Error & { readonly code: string },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const refusal =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? new DomainError('not-found', 'no-such-route', 'The resource could not be found.')
      : new DomainError('bad-request', 'malformed-url', 'The address of the request is malformed.');
  for (const [prefix, refuse] of services.get(app) ?? [])
    if (request.url.startsWith(`${prefix}/`)) {
      refuse(refusal, request, reply);
      return;
    }
  void reply.code(refusal.kind === 'not-found' ? 404 : 400).send({ message: refusal.message });
}
