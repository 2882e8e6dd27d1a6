// How one service reaches another's REST API: over HTTP, or in the same process without a socket. Same requests, same answers.
import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { currentContext, traceparentOf } from '#platform/context/request-context.ts';
import { DomainError, type ErrorKind } from '#platform/errors/domain-error.ts';
import { injectStream, sendHttpStream } from './stream-transport.ts';

export interface RestRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the service's address, with the query: `/v2.0/ports?device_id=…`. */
  readonly path: string;
  readonly token?: string;
  /** Lets an expired user token pass for work that began when it was valid. */
  readonly serviceToken?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly deadlineMs?: number;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined when there is none. */
  readonly body: unknown;
}

export interface Transport {
  send(request: RestRequest): Promise<RestAnswer>;
  /** With bodies as streams, in constant memory. Absent on transports that are made for JSON alone. */
  sendStream?(request: StreamRequest): Promise<StreamAnswer>;
}

/** A request whose body, and whose answer's, may be of any size. There is no deadline: the signal ends it. */
export interface StreamRequest extends Omit<RestRequest, 'body' | 'deadlineMs'> {
  /** Ends with the request, also when it fails. */
  readonly stream?: Readable;
  readonly signal?: AbortSignal;
}

export interface StreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** To be read to its end or destroyed. Fails when the peer ends early. */
  readonly stream: Readable;
}

const DEADLINE_MS = 30_000;

/** Through Fastify's own injection: `prefix` is where the service is mounted. */
export function inProcessTransport(app: FastifyInstance, prefix: string): Transport {
  return {
    send: async (request) =>
      reaching(request, prefix, async (signal) => {
        const answer = await app.inject({
          method: request.method,
          url: prefix + request.path,
          headers: requestHeaders(request),
          signal,
          ...(request.body === undefined ? {} : { payload: JSON.stringify(request.body) }),
        });
        return {
          status: answer.statusCode,
          headers: flatten(answer.headers),
          body: parse(answer.payload, answer.headers['content-type']),
        };
      }),
    sendStream: async (request) => injectStream(app, prefix + request.path, request, requestHeaders(request)),
  };
}

/**
 * Adds a service's own token to requests with a user's, as the peer wants it of services that act on a user's behalf:
 * access rules of an application credential then do not bind them, nor does the token's expiry.
 */
export function vouchingTransport(transport: Transport, serviceToken: () => Promise<string>): Transport {
  const vouch = async <R extends { token?: string; serviceToken?: string }>(request: R): Promise<R> =>
    request.token === undefined || request.serviceToken !== undefined
      ? request
      : { ...request, serviceToken: await serviceToken() };
  const { sendStream } = transport;
  return {
    send: async (request) => transport.send(await vouch(request)),
    ...(sendStream ? { sendStream: async (request) => sendStream(await vouch(request)) } : {}),
  };
}

/** `baseUrl` without a slash at the end. */
export function httpTransport(baseUrl: string): Transport {
  return {
    send: async (request) =>
      reaching(request, baseUrl, async (signal) => {
        const answer = await fetch(baseUrl + request.path, {
          method: request.method,
          headers: requestHeaders(request),
          redirect: 'manual',
          signal,
          ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        });
        return {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          body: parse(await answer.text(), answer.headers.get('content-type')),
        };
      }),
    sendStream: async (request) => sendHttpStream(baseUrl, request, requestHeaders(request)),
  };
}

/**
 * Runs `send` under the request's deadline.
 * @throws DomainError timeout (`peer-timeout`), or unavailable (`peer-unreachable`) when there is no answer that can be read
 */
async function reaching<T>(
  request: RestRequest,
  address: string,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadlineMs = request.deadlineMs ?? DEADLINE_MS;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), deadlineMs);
  const what = `${request.method} ${address}${request.path.split('?')[0]}`;
  try {
    return await send(controller.signal);
  } catch (cause) {
    if (!controller.signal.aborted)
      throw new DomainError('unavailable', 'peer-unreachable', `${what} could not be reached`, { cause });
    throw new DomainError('timeout', 'peer-timeout', `${what} gave no answer within ${deadlineMs} ms`);
  } finally {
    clearTimeout(timer);
  }
}

function requestHeaders(request: Omit<RestRequest, 'deadlineMs'>): Record<string, string> {
  const context = currentContext();
  return {
    accept: 'application/json',
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(request.token ? { 'x-auth-token': request.token } : {}),
    ...(request.serviceToken ? { 'x-service-token': request.serviceToken } : {}),
    ...(context
      ? {
          traceparent: traceparentOf(context),
          'x-openstack-request-id': context.globalRequestId ?? context.requestId,
        }
      : {}),
    ...request.headers,
  };
}

function flatten(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

export function parse(text: string, type: unknown): unknown {
  if (text === '') return undefined;
  return /\bjson\b/.test(String(type)) ? (JSON.parse(text) as unknown) : text;
}

const KIND_OF_STATUS: ReadonlyMap<number, ErrorKind> = new Map([
  [400, 'bad-request'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [409, 'conflict'],
  [413, 'too-large'],
  [503, 'unavailable'],
]);

/** A peer's refusal as an error of ours: `service` is the peer's name, the message is the peer's own. */
export function refusal(service: string, answer: RestAnswer): DomainError {
  const kind = KIND_OF_STATUS.get(answer.status) ?? 'unavailable';
  return new DomainError(
    kind,
    `${service}-${answer.status}`,
    messageIn(answer.body) ?? `${service} answered ${answer.status}`,
    {
      fields: { status: answer.status, peer_request_id: answer.headers['x-openstack-request-id'] },
    },
  );
}

/** Finds the message in any of the upstream error forms. */
function messageIn(body: unknown): string | undefined {
  if (typeof body === 'string') return body;
  if (typeof body !== 'object' || body === null) return undefined;
  const { message, detail } = body as { message?: unknown; detail?: unknown };
  if (typeof message === 'string') return message;
  if (typeof detail === 'string') return detail;
  for (const value of Object.values(body)) {
    const found = messageIn(Array.isArray(value) ? value[0] : typeof value === 'object' ? value : undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Sends and insists on one of `expected`. @throws DomainError as `refusal` makes it. */
export async function expectOk(
  service: string,
  transport: Transport,
  request: RestRequest,
  expected: readonly number[] = [200, 201, 202, 204],
): Promise<RestAnswer> {
  const answer = await transport.send(request);
  if (!expected.includes(answer.status)) throw refusal(service, answer);
  return answer;
}
