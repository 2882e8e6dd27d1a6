// Mounts a service's real API for its tests: real routes, policies, SQL and faults; only the callers are made up.
import Fastify, { type FastifyInstance } from 'fastify';
import type { Authenticator, Principal } from '#platform/auth/principal.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Api } from '#platform/http/api.ts';
import { mountApi } from '#platform/http/mount.ts';
import { silentLog, type Log } from '#platform/log/log.ts';

export const PROJECT = '11111111111141118111111111111111';
export const OTHER_PROJECT = '22222222222242228222222222222222';

/** A caller: roles with the implied ones. `projectId: null` for a token that is not scoped to a project. */
export function principalOf(
  name: string,
  roles: readonly string[],
  projectId: string | null = PROJECT,
): Principal {
  return {
    userId: `user-${name}`,
    userName: name,
    userDomainId: 'default',
    userDomainName: 'Default',
    ...(projectId === null
      ? {}
      : { projectId, projectName: 'demo', projectDomainId: 'default', projectDomainName: 'Default' }),
    system: false,
    roles,
    issuedAt: '2000-01-01T00:00:00.000000Z',
    expiresAt: '2999-01-01T00:00:00.000000Z',
    auditIds: ['audit'],
    methods: ['password'],
  };
}

/** The callers that most tests need; each name is also its token. */
export const CALLERS = {
  member: principalOf('member', ['member', 'reader']),
  reader: principalOf('reader', ['reader']),
  stranger: principalOf('stranger', ['member', 'reader'], OTHER_PROJECT),
  unscoped: principalOf('unscoped', [], null),
  admin: principalOf('admin', ['admin', 'manager', 'member', 'reader'], '33333333333343338333333333333333'),
  service: principalOf(
    'service',
    ['service', 'admin', 'member', 'reader'],
    '44444444444444448444444444444444',
  ),
} as const satisfies Record<string, Principal>;

/** Tokens are the callers' names. */
export function namedTokens(callers: Readonly<Record<string, Principal>> = CALLERS): Authenticator {
  return {
    authenticate: async (token) => {
      const principal = Object.hasOwn(callers, token) ? callers[token] : undefined;
      if (!principal)
        throw new DomainError(
          'unauthorized',
          'bad-token',
          'The request you have made requires authentication.',
        );
      return principal;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, a form as its text, or undefined; typed loosely, as tests look into it. */
  readonly body: JsonValue;
}

// Tests reach deep into bodies of many shapes; a precise type would only be casts.
// oxlint-disable-next-line typescript/no-explicit-any
export type JsonValue = any;

export interface Mounted {
  readonly app: FastifyInstance;
  call(method: string, url: string, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Mounts `api`; `call` sends as `member` unless told. The caller closes `app`. */
export async function mountForTest<D>(
  api: Api<D>,
  options: { authenticator?: Authenticator; log?: Log } = {},
): Promise<Mounted> {
  const app = Fastify({ routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 } });
  await mountApi(app, api, {
    authenticator: options.authenticator ?? namedTokens(),
    log: options.log ?? silentLog,
  });
  return {
    app,
    call: async (method, url, { token = 'member', body, headers = {} } = {}) => {
      const answer = await app.inject({
        method: method as 'GET',
        url: api.prefix + url,
        headers: {
          ...(token === null ? {} : { 'x-auth-token': token }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      });
      return {
        status: answer.statusCode,
        headers: Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: bodyOf(answer.payload, String(answer.headers['content-type'])),
      };
    },
  };
}

function bodyOf(text: string, type: string): unknown {
  if (text === '') return undefined;
  return type.startsWith('application/x-www-form-urlencoded') ? text : (JSON.parse(text) as unknown);
}
