// From an error to an answer: the status by the error's kind (or the service's fault table), the body in the service's form.
import type { FastifyReply } from 'fastify';
import { causeChain, DomainError, type ErrorKind } from '#platform/errors/domain-error.ts';
import type { RequestContext } from '#platform/context/request-context.ts';
import type { Log } from '#platform/log/log.ts';
import { formatMicroversion, type Microversion } from '#platform/microversion/microversion.ts';
import type { Operation } from './answered.ts';
import type { Api } from './api.ts';

/** One request's mutable bits that its answer needs, whether it succeeds or not. */
export interface Exchange {
  readonly context: RequestContext;
  readonly origin: string;
  readonly baseUrl: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  microversion: Microversion | undefined;
  /** What the request came to, once it is known. */
  operation: Operation | undefined;
}

export const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  'bad-request': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'not-acceptable': 406,
  conflict: 409,
  gone: 410,
  'precondition-failed': 412,
  'too-large': 413,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  'over-limit': 403,
  'not-supported': 501,
  unavailable: 503,
  timeout: 504,
};

const UNEXPECTED = 'Unexpected API Error. The request id names it in the logs of the service.';

/** Sends the fault. Expected refusals are logged at info, bugs at error with their causes. */
export function renderError<D>(
  api: Api<D>,
  exchange: Exchange,
  error: unknown,
  reply: FastifyReply,
  log: Log,
): FastifyReply {
  const domain = error instanceof DomainError ? error : refusalOfFramework(error);
  const status = domain ? (api.faults?.[domain.code] ?? STATUS_OF_KIND[domain.kind]) : 500;
  const message = domain?.message ?? UNEXPECTED;
  if (domain)
    log.info({ service: api.name, status, code: domain.code, fields: domain.fields }, 'request refused');
  else log.error({ service: api.name, status, causes: causeChain(error), err: error }, 'request failed');
  const fault = api.renderFault({
    status,
    message,
    error: domain,
    requestId: exchange.context.requestId,
    microversion: exchange.microversion,
    ...(reply.request.headers.accept === undefined ? {} : { accept: reply.request.headers.accept }),
  });
  reply
    .code(status)
    .removeHeader('content-length')
    .removeHeader('content-encoding')
    .header('content-type', 'application/json')
    .header('x-openstack-request-id', exchange.context.requestId)
    .headers(fault.headers ?? {});
  if (status === 401) reply.header('www-authenticate', `Keystone uri="${exchange.origin}/identity"`);
  if (domain && UNREAD.has(domain.code) && !reply.request.raw.complete) reply.header('connection', 'close');
  addVersionHeaders(api, exchange, reply);
  const { body } = fault;
  return reply.send(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
}

/** Refusals that leave a part of the body on the connection. */
const UNREAD: ReadonlySet<string> = new Set(['body-too-large', 'body-not-whole']);

/** What Fastify itself refuses before a handler runs (a malformed content type, say) is the client's mistake as well. */
function refusalOfFramework(error: unknown): DomainError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (typeof code !== 'string' || !code.startsWith('FST_ERR_')) return undefined;
  if (statusCode === 415)
    return new DomainError(
      'unsupported-media-type',
      'unsupported-media-type',
      'The content type is malformed.',
    );
  if (statusCode === 400)
    return new DomainError('bad-request', 'malformed-request', 'The request is malformed.');
  return undefined;
}

/** Answers name the version they were made for, as the guideline asks; and the request under the service's own name. */
export function addVersionHeaders<D>(api: Api<D>, exchange: Exchange, reply: FastifyReply): void {
  if (api.requestIdHeader) reply.header(api.requestIdHeader, exchange.context.requestId);
  if (api.vary) reply.header('vary', api.vary);
  const range = api.microversions;
  if (!range || !exchange.microversion) return;
  const version = formatMicroversion(exchange.microversion);
  reply.header('openstack-api-version', `${range.serviceType} ${version}`);
  reply.header('vary', ['OpenStack-API-Version', range.legacyHeader].filter(Boolean).join(', '));
  if (range.legacyHeader) reply.header(range.legacyHeader, version);
}
