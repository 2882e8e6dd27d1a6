// The request as handlers see it (`Call`), made by mount.ts once its caller is known and its body is read.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import type { Principal } from '#platform/auth/principal.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Target } from '#platform/policy/enforcer.ts';
import type { Log } from '#platform/log/log.ts';
import type { Microversion } from '#platform/microversion/microversion.ts';
import type { Api, Call } from './api.ts';
import type { Exchange } from './faults.ts';

export interface CallParts {
  readonly body: unknown;
  readonly principal: Principal | undefined;
  readonly version: Microversion;
  readonly log: Log;
}

/** @throws DomainError for a path or query with a NUL character, which PostgreSQL cannot compare with */
export function newCall<D>(
  api: Api<D>,
  exchange: Exchange,
  request: FastifyRequest,
  reply: FastifyReply,
  parts: CallParts,
): Call {
  const mark = request.url.indexOf('?');
  const path = (mark < 0 ? request.url : request.url.slice(0, mark)).slice(api.prefix.length) || '/';
  const query = new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1));
  refuseNul(request.params as Record<string, string>, query);
  const token = request.headers['x-auth-token'];
  const { principal } = parts;
  const own = ownTarget(principal);
  const gone = lazy(() => goneSignal(reply));
  return {
    method: request.method,
    path,
    params: request.params as Record<string, string>,
    query,
    body: parts.body,
    stream: request.raw as Readable,
    headers: request.headers,
    get principal() {
      if (!principal) throw unauthenticated();
      return principal;
    },
    maybePrincipal: principal,
    token: typeof token === 'string' ? token : undefined,
    microversion: parts.version,
    requestId: exchange.context.requestId,
    receivedAt: exchange.receivedAt,
    log: parts.log,
    baseUrl: exchange.baseUrl,
    origin: exchange.origin,
    get signal() {
      return gone();
    },
    enforce(rule, target = own) {
      api.enforcer.enforce(rule, this.principal, target);
    },
    allows(rule, target = own) {
      return principal !== undefined && api.enforcer.allows(rule, principal, target);
    },
  };
}

/** What rules are held against where a request names nothing: the caller's own. */
export function ownTarget(principal: Principal | undefined): Target {
  return {
    project_id: principal?.projectId,
    user_id: principal?.userId,
    domain_id: principal?.domainId,
  };
}

export function unauthenticated(): DomainError {
  return new DomainError(
    'unauthorized',
    'authentication-required',
    'The request you have made requires authentication.',
  );
}

function refuseNul(params: Readonly<Record<string, string>>, query: URLSearchParams): void {
  if (Object.values(params).some((value) => value.includes('\u0000')))
    throw new DomainError('not-found', 'no-such-route', 'The resource could not be found.');
  for (const [name, value] of query) {
    if (name.includes('\u0000') || value.includes('\u0000'))
      throw new DomainError('bad-request', 'nul-in-query', 'The query holds a NUL character.');
  }
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Aborts when the connection ends before the answer is out; the request itself is complete long before that. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error('the client has gone'));
  const onClose = (): void => {
    if (!reply.raw.writableFinished) abort();
  };
  if (reply.raw.closed) onClose();
  else reply.raw.once('close', onClose);
  return controller.signal;
}
