// Turns an `Api` into Fastify routes: authentication, microversion, validation, policy, the answer and its faults.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import type { Authenticator, Principal } from '#platform/auth/principal.ts';
import { currentContext, newContext, runInContext } from '#platform/context/request-context.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Log } from '#platform/log/log.ts';
import type { TSchema } from 'typebox';
import {
  chooseMicroversion,
  parseMicroversion,
  within,
  type Microversion,
  type VersionText,
} from '#platform/microversion/microversion.ts';
import { spanOfRequest } from '#platform/trace/trace.ts';
import { Reply, type Action, type Api as DeclaredApi, type Handler, type Method, type Route } from './api.ts';
import { tellAnswered } from './answered.ts';
import { checkContentType, nameContentType } from './content-type.ts';
import { parseJson, readBody } from './body.ts';
import { authenticate } from './authenticate.ts';
import { newCall, ownTarget } from './call.ts';
import { addVersionHeaders, renderError, type Exchange } from './faults.ts';
import { turns } from './turns.ts';
import { registerRefusal } from './unroutable.ts';
import { cleaned, findProblem, schemaFor } from './validate.ts';

export interface MountOptions {
  readonly authenticator: Authenticator;
  readonly log: Log;
  /** The address that clients use when the request does not say (Host header): `http://127.0.0.1:8790`. */
  readonly publicOrigin?: string;
}

const BODY_LIMIT = 1024 * 1024;
const NO_VERSION: Microversion = { major: 1, minor: 0 };

/** An API as it is served: a twin that is `relaxed` makes a second one of it. */
type Api<D> = DeclaredApi<D> & { readonly onlyVersion?: VersionText; readonly cleanBodies?: boolean };

/** Mounts `api` below its prefix. Call before `listen`. */
export async function mountApi<D>(app: FastifyInstance, api: Api<D>, options: MountOptions): Promise<void> {
  registerRefusal(app, api.prefix, (error, request, reply) => {
    void refuse(api, options, request, reply, error);
  });
  await app.register(
    async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      scope.addHook('onRequest', nameContentType);
      for (const { path, methods, served } of withTwins(api))
        mountPath(scope, served, path, methods, options);
      scope.setNotFoundHandler(async (request, reply) =>
        refuseUnrouted(api, options, request, reply, unrouted()),
      );
      // What fails outside a handler: an answer's stream, or Fastify's own checks. Never Fastify's words.
      scope.setErrorHandler(async (error, request, reply) => refuse(api, options, request, reply, error));
    },
    { prefix: api.prefix },
  );
}

interface MountedPath<D> {
  readonly path: string;
  readonly methods: ReadonlyMap<Method, Route<D>[]>;
  readonly served: Api<D>;
}

function withTwins<D>(api: Api<D>): MountedPath<D>[] {
  const all: MountedPath<D>[] = [...byPath(api.routes)].map(([path, methods]) => ({
    path,
    methods,
    served: api,
  }));
  const known = new Set(all.map(({ path }) => path));
  for (const twin of api.twins ?? [])
    for (const { path, methods, served } of all.slice()) {
      const isMeant = twin.only ? twin.only.includes(path) : path.startsWith(`${twin.from}/`);
      const other = twin.to + path.slice(twin.from.length);
      if (!isMeant || known.has(other)) continue;
      known.add(other);
      all.push({ path: other, methods, served: twin.relaxed ? relaxed(served) : served });
    }
  return all;
}

function mountPath<D>(
  scope: FastifyInstance,
  api: Api<D>,
  path: string,
  methods: ReadonlyMap<Method, Route<D>[]>,
  options: MountOptions,
): void {
  for (const [method, candidates] of methods) {
    scope.route({
      method,
      url: path,
      exposeHeadRoute: false,
      handler: async (request, reply) => serve(api, candidates, options, request, reply),
    });
  }
  refuseOtherMethods(scope, api, path, methods, options);
}

/** The API as its older version has it: the lowest microversion whatever a request asks for, bodies cleaned. */
function relaxed<D>(api: Api<D>): Api<D> {
  const { microversions, ...rest } = api;
  return { ...rest, ...(microversions ? { onlyVersion: microversions.min } : {}), cleanBodies: true };
}

async function refuse<D>(
  api: Api<D>,
  options: MountOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): Promise<FastifyReply> {
  const exchange = exchangeOf(api, request, options);
  return runInContext(exchange.context, () => renderError(api, exchange, error, reply, options.log));
}

/** The field's services stand behind a check of tokens: without one nobody learns which paths there are. */
async function refuseUnrouted<D>(
  api: Api<D>,
  options: MountOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  error: DomainError,
): Promise<FastifyReply> {
  if (api.tellsPaths) return refuse(api, options, request, reply, error);
  const refusal = await authenticate({}, options.authenticator, request, api.name).then(
    () => error,
    (unauthorized: unknown) => unauthorized,
  );
  return refuse(api, options, request, reply, refusal);
}

function unrouted(): DomainError {
  return new DomainError('not-found', 'unrouted', 'The resource could not be found.');
}

function noSuchRoute(): DomainError {
  return new DomainError('not-found', 'no-such-route', 'The resource could not be found.');
}

function byPath<D>(routes: readonly Route<D>[]): Map<string, Map<Method, Route<D>[]>> {
  const paths = new Map<string, Map<Method, Route<D>[]>>();
  for (const route of routes) {
    const methods = paths.get(route.path) ?? new Map<Method, Route<D>[]>();
    methods.set(route.method, [...(methods.get(route.method) ?? []), route]);
    paths.set(route.path, methods);
  }
  return paths;
}

function refuseOtherMethods<D>(
  scope: FastifyInstance,
  api: Api<D>,
  path: string,
  routes: ReadonlyMap<Method, Route<D>[]>,
  options: MountOptions,
): void {
  const methods = [...routes.keys()];
  const others = (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter(
    (method) => !methods.includes(method) && !(method === 'HEAD' && methods.includes('GET')),
  );
  const named = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const allow = [...new Set(named)].join(', ');
  if (methods.includes('GET') && !methods.includes('HEAD')) {
    const candidates = routes.get('GET') ?? [];
    scope.route({
      method: 'HEAD',
      url: path,
      handler: async (request, reply) => serve(api, candidates, options, request, reply),
    });
  }
  if (others.length === 0) return;
  scope.route({
    method: others,
    url: path,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      if (lacksId(api, request)) return refuseUnrouted(api, options, request, reply, unrouted());
      const error = new DomainError(
        'method-not-allowed',
        'method-not-allowed',
        'The method is not allowed for this resource.',
      );
      const isOpen = [...routes.values()].flat().every(({ auth }) => auth === 'none');
      const answer = isOpen ? refuse : refuseUnrouted;
      return answer(api, options, request, reply.header('allow', allow), error);
    },
  });
}

const exchanges = new WeakMap<FastifyRequest, Exchange>();

/** One exchange a request: an error outside its handler carries the same request id. */
function exchangeOf<D>(api: Api<D>, request: FastifyRequest, options: MountOptions): Exchange {
  const known = exchanges.get(request);
  if (known) return known;
  const made = newExchange(api, request, options);
  exchanges.set(request, made);
  return made;
}

function newExchange<D>(api: Api<D>, request: FastifyRequest, options: MountOptions): Exchange {
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const global = header('x-openstack-request-id');
  const context = newContext({
    traceparent: header('traceparent'),
    globalRequestId: global && /^req-[0-9a-f-]{36}$/.test(global) ? global : undefined,
  });
  const host = header('host');
  const origin =
    host && /^[\w.:[\]-]+$/.test(host)
      ? `${request.protocol}://${host}`
      : (options.publicOrigin ?? 'http://127.0.0.1');
  return {
    context,
    origin,
    baseUrl: origin + api.prefix,
    receivedAt: Date.now(),
    microversion: undefined,
    operation: undefined,
  };
}

async function serve<D>(
  api: Api<D>,
  candidates: readonly Route<D>[],
  options: MountOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  // What another request asks of a service in this process is a part of that one's turn.
  if (!currentContext()) await turns.take();
  const exchange = exchangeOf(api, request, options);
  return runInContext(exchange.context, async () =>
    spanOfRequest(`${request.method} ${api.prefix}${candidates[0]?.path}`, exchange.context, async () => {
      try {
        const answer = await answerOf(api, candidates, options, request, reply, exchange);
        tellAnswered(api, request.method, exchange.operation, answer.status);
        return send(api, exchange, answer, reply);
      } catch (error) {
        return renderError(api, exchange, error, reply, options.log);
      }
    }),
  );
}

async function answerOf<D>(
  api: Api<D>,
  candidates: readonly Route<D>[],
  options: MountOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  exchange: Exchange,
): Promise<Reply> {
  const guard: Pick<Route<D>, 'auth' | 'stream'> = candidates[0] ?? {}; // those of one path and method ask for the same
  const { order, sizeFirst } = api.bodyRules ?? {};
  if (sizeFirst && !guard.stream) await refuseDeclaredSize(request, limitOf(api));
  const bodyFirst = order === 'body, token, rule, schema';
  const early = bodyFirst ? await jsonBody(request, api) : undefined;
  const principal = await authenticate(guard, options.authenticator, request, api.name);
  const version = versionOf(api, request);
  exchange.microversion = version;
  if (lacksId(api, request)) throw unrouted();
  if (api.twins) refuseOtherProject(request, principal);
  const route = candidates.find((each) => within(version, each.since, each.until));
  if (!route) throw noSuchRoute();
  const ruleFirst = order === 'token, rule, body, schema';
  if (ruleFirst && hasBody(request, api)) checkContentType(request, api.bodyRules);
  if (ruleFirst && route.policy && principal)
    api.enforcer.enforce(route.policy, principal, ownTarget(principal));
  const sent = bodyFirst || route.stream ? early : await jsonBody(request, api);
  const action = route.actions ? findAction(route.actions, sent, version) : undefined;
  exchange.operation = { route, action };
  const chosen: { handler?: Handler<D>; policy?: string; success?: number; body?: Route<D>['body'] } =
    action ?? route;
  const schema = chosen.body && schemaFor(chosen.body, version);
  const body = api.cleanBodies && schema ? cleaned(schema, sent) : sent;
  const call = newCall(api, exchange, request, reply, { body, principal, version, log: options.log });
  const schemaFirst = order === 'token, body, schema, rule';
  if (schema && schemaFirst) checkBody(api, schema, body);
  if (chosen.policy) call.enforce(chosen.policy);
  if (schema && !schemaFirst) checkBody(api, schema, body);
  const result = await chosen.handler?.(call, api.deps);
  return result instanceof Reply ? result : new Reply(chosen.success ?? (action ? 202 : 200), result);
}

/** The path's project must be the token's: what a request may touch is decided by its token alone. */
function refuseOtherProject(request: FastifyRequest, principal: Principal | undefined): void {
  const { project_id: named } = request.params as { readonly project_id?: string };
  if (named === undefined || named === principal?.projectId) return;
  throw new DomainError(
    'bad-request',
    'project-mismatch',
    'Malformed request URL: its project is not the one that the token is for.',
  );
}

function versionOf<D>(api: Api<D>, request: FastifyRequest): Microversion {
  if (api.onlyVersion !== undefined) return parseMicroversion(api.onlyVersion) ?? NO_VERSION;
  return api.microversions ? chooseMicroversion(request.headers, api.microversions) : NO_VERSION;
}

/** See `strictSlash`. */
function lacksId<D>(api: Api<D>, request: FastifyRequest): boolean {
  if (!api.strictSlash) return false;
  const path = (request.url.split('?')[0] ?? '').slice(api.prefix.length);
  return /[^/]\/[^/]+\/$/.test(path);
}

const BODILESS: readonly string[] = ['GET', 'HEAD'];

function limitOf<D>(api: Api<D>): number {
  return api.bodyLimit ?? BODY_LIMIT;
}

/** Whether the request brings a body that the service looks at. */
function hasBody<D>({ headers, method }: FastifyRequest, api: Api<D>): boolean {
  const length = headers['content-length'];
  const brings = headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
  return brings && !(api.bodyRules?.ignoredOf ?? BODILESS).includes(method);
}

async function jsonBody<D>(request: FastifyRequest, api: Api<D>): Promise<unknown> {
  if (!hasBody(request, api)) return undefined;
  const bytes = await readBody(request.raw, limitOf(api));
  if (bytes.length === 0) return undefined;
  checkContentType(request, api.bodyRules);
  return parseJson(bytes);
}

/** @throws DomainError too-large, once the sender had the time to listen */
async function refuseDeclaredSize(request: FastifyRequest, limit: number): Promise<void> {
  if (Number(request.headers['content-length'] ?? 0) > limit) await readBody(request.raw, limit);
}

function findAction<D>(actions: readonly Action<D>[], body: unknown, version: Microversion): Action<D> {
  const keys = typeof body === 'object' && body !== null && !Array.isArray(body) ? Object.keys(body) : [];
  if (keys.length === 0)
    throw new DomainError(
      'bad-request',
      'malformed-body',
      'Malformed request body: it must name one action.',
    );
  const action = actions.find((each) => each.key === keys[0]);
  if (!action || keys.length > 1) {
    const named =
      keys.length > 1
        ? `too many actions in one body: ${keys.join(', ')}`
        : `There is no such action: ${keys[0]}`;
    throw new DomainError('bad-request', 'no-such-action', named);
  }
  if (!within(version, action.since, action.until))
    throw new DomainError('not-found', 'no-such-action', `There is no such action: ${action.key}`);
  return action;
}

function checkBody<D>(api: Api<D>, schema: TSchema, body: unknown): void {
  const problem = findProblem(schema, body ?? null);
  if (!problem) return;
  const field = problem.path === '' ? 'body' : problem.path.slice(1).replaceAll('/', '.');
  const message =
    api.schemaMessage?.(problem) ??
    `Invalid input for field/attribute ${field}. Value: ${brief(problem.value)}. ${problem.message}`;
  throw new DomainError('bad-request', 'invalid-body', message, { fields: { field } });
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function send<D>(api: Api<D>, exchange: Exchange, answer: Reply, reply: FastifyReply): FastifyReply {
  const { body } = answer;
  const raw = body === undefined || body instanceof Readable || Buffer.isBuffer(body);
  const content = raw || typeof body === 'string' ? body : JSON.stringify(body); // may throw: before the reply is touched
  reply
    .code(answer.status)
    .headers(answer.headers)
    .header('x-openstack-request-id', exchange.context.requestId);
  addVersionHeaders(api, exchange, reply);
  if (!raw && !reply.hasHeader('content-type')) reply.header('content-type', 'application/json');
  return reply.send(content);
}
