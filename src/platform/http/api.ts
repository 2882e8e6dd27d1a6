// What a service declares of its REST API: a table of routes, read first. `mount.ts` turns it into Fastify routes.
import type { Readable } from 'node:stream';
import type { IncomingHttpHeaders } from 'node:http';
import type { TSchema } from 'typebox';
import type { Principal } from '#platform/auth/principal.ts';
import type { Enforcer, Target } from '#platform/policy/enforcer.ts';
import type { Log } from '#platform/log/log.ts';
import type { Microversion, MicroversionRange, VersionText } from '#platform/microversion/microversion.ts';
import type { DomainError } from '#platform/errors/domain-error.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request as a handler sees it. */
export interface Call {
  readonly method: string;
  /** Path within the service, without the query. */
  readonly path: string;
  /** Decoded path parameters. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The JSON body after validation against the route's schema; `undefined` when there is none. */
  readonly body: unknown;
  /** The raw body, for routes with `stream: true`. */
  readonly stream: Readable;
  readonly headers: IncomingHttpHeaders;
  /** Throws DomainError unauthorized when the route allows anonymous callers and there is none. */
  readonly principal: Principal;
  /** Undefined on routes with `auth: 'none'` or, without a token, `'optional'`. */
  readonly maybePrincipal: Principal | undefined;
  /** The token of the request, to forward to other services. Never log it. */
  readonly token: string | undefined;
  /** `1.0` for services without microversions. */
  readonly microversion: Microversion;
  readonly requestId: string;
  /** When the request came, before its token was validated; milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly log: Log;
  /** Address of this service as the client knows it, for links: `http://127.0.0.1:8790/compute`. No slash at the end. */
  readonly baseUrl: string;
  /** Address of the whole cloud: `http://127.0.0.1:8790`. */
  readonly origin: string;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** @throws PolicyDenied. The default target is the caller's own project and user. */
  enforce(rule: string, target?: Target): void;
  allows(rule: string, target?: Target): boolean;
}

/** An answer with more than a JSON body. */
export class Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  /** `body`: undefined for none, a Readable or Buffer to send as it is, a string as it is, anything else as JSON. */
  constructor(status: number, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export type Handler<D> = (call: Call, deps: D) => Promise<unknown>;

/** A body's schema from a microversion on; the last that fits is taken. */
export interface VersionedSchema {
  readonly since?: VersionText;
  readonly schema: TSchema;
}

export interface Action<D> {
  /** The body's key: `os-start`. Its file is `actions/os-start.ts`. */
  readonly key: string;
  readonly handler: Handler<D>;
  readonly body?: TSchema | readonly VersionedSchema[];
  /** Checked before the handler with the caller's own project as target; the handler checks against the resource. */
  readonly policy?: string;
  readonly since?: VersionText;
  readonly until?: VersionText;
  /** Default 202. 410 as for routes. */
  readonly success?: number;
}

export interface Route<D> {
  readonly method: Method;
  /** Within the service, Fastify syntax: `/v2.1/servers/:id`. */
  readonly path: string;
  /** Absent for action routes. */
  readonly handler?: Handler<D>;
  /** A body with one key of these; the handler gets the whole body. */
  readonly actions?: readonly Action<D>[];
  readonly body?: TSchema | readonly VersionedSchema[];
  /** Checked before the handler with the caller's own project as target; the handler checks against the resource. */
  readonly policy?: string;
  /** Default 200. 410 where upstream took the operation out and tells that to whoever has a token. */
  readonly success?: number;
  readonly since?: VersionText;
  readonly until?: VersionText;
  /** Default `token`. */
  readonly auth?: 'token' | 'optional' | 'none';
  /** True: the body is not read; the handler takes `call.stream`. */
  readonly stream?: boolean;
  /** Statuses of errors that this route may answer beside 400, 401, 403, 404 (documentation and tests). */
  readonly errors?: readonly number[];
}

export interface RenderedFault {
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FaultContext {
  readonly status: number;
  readonly message: string;
  readonly error: DomainError | undefined;
  readonly requestId: string;
  readonly microversion: Microversion | undefined;
  /** The request's Accept header. */
  readonly accept?: string;
}

/** Routes below `from` that are there below `to` too. */
export interface Twin {
  readonly from: `/${string}`;
  /** May have the parameter `project_id`, which must then be the project of the token (else 400). */
  readonly to: `/${string}`;
  /** Those of these paths alone. Default: all. */
  readonly only?: readonly string[];
  /**
   * An older version of the API: always at the lowest microversion, and what a body has beside its schema is dropped
   * rather than refused.
   */
  readonly relaxed?: true;
}

/** A service's whole REST API. */
export interface Api<D> {
  /** `compute`; also the catalog's name for logs. */
  readonly name: string;
  /** Where it is mounted: `/compute`. */
  readonly prefix: string;
  readonly routes: readonly Route<D>[];
  readonly deps: D;
  readonly enforcer: Enforcer;
  readonly microversions?: MicroversionRange;
  /** Error → status where it differs from the kind's default; keyed by the error's `code`. */
  readonly faults?: Readonly<Record<string, number>>;
  /** The service's own upstream error body. */
  readonly renderFault: (fault: FaultContext) => RenderedFault;
  /** Words for a body that does not fit its schema, in the service's upstream manner. Default names the field and says why. */
  readonly schemaMessage?: (problem: SchemaProblem) => string;
  /** An older name under which answers carry the request id too, as compute's `x-compute-request-id`. */
  readonly requestIdHeader?: string;
  /** Every answer of it depends on this request header, and says so: `X-Auth-Token`. */
  readonly vary?: string;
  /** Other paths of the same routes. Each applies to what those before it have added as well. */
  readonly twins?: readonly Twin[];
  /** `/v2/images/` is then not `/v2/images`: an id is missing, 404. Paths of one part are spared. */
  readonly strictSlash?: boolean;
  /** Largest JSON body in bytes; default 1 MiB (user data and personality fit). */
  readonly bodyLimit?: number;
  readonly bodyRules?: BodyRules;
  /** True: what is not routed is 404 or 405 for all, as in identity. Default: 401 without a token, as in the other services. */
  readonly tellsPaths?: boolean;
}

/** How a service looks at bodies. The services of the field differ, which shows in their answers to mistakes. */
export interface BodyRules {
  /** What a request with several mistakes is refused for: the first of these. Default `token, body, rule, schema`. */
  readonly order?:
    | 'body, token, rule, schema'
    | 'token, body, rule, schema'
    | 'token, body, schema, rule'
    | 'token, rule, body, schema';
  /** True: a length past the limit that is declared is refused before anything else. */
  readonly sizeFirst?: boolean;
  /** Methods whose bodies are not looked at; default GET and HEAD. */
  readonly ignoredOf?: readonly Method[];
  /** Content types read as JSON; the text is empty where there is none. Default: JSON's names, and none. */
  readonly isJson?: (type: string) => boolean;
}

export interface SchemaProblem {
  /** `/server/name`; empty for the body itself. */
  readonly path: string;
  readonly value: unknown;
  readonly message: string;
}
