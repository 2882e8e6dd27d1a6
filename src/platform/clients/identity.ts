// Identity's REST API as the other services use it: log in, validate a token, look a project up.
import { principalOf, type TokenBody } from '#platform/auth/token-body.ts';
import type { Principal } from '#platform/auth/principal.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { expectOk, refusal, type Transport } from './transport.ts';

export interface PasswordLogin {
  readonly username: string;
  readonly password: string;
  /** Default `default`. */
  readonly userDomainId?: string;
  /** Scope; none: unscoped or the user's default project. */
  readonly projectName?: string;
  readonly projectDomainId?: string;
}

export interface IssuedToken {
  readonly token: string;
  readonly body: TokenBody;
  readonly principal: Principal;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly domain_id: string;
  readonly enabled: boolean;
}

export interface IdentityClient {
  /** @throws DomainError unauthorized */
  logIn(login: PasswordLogin): Promise<IssuedToken>;
  /**
   * What `subject` says, asked with `token` of a caller that may know. Undefined when the subject does not hold.
   * @throws DomainError unauthorized when `token` itself does not hold
   */
  validateToken(
    subject: string,
    token: string,
    options?: { allowExpired?: boolean },
  ): Promise<TokenBody | undefined>;
  revokeToken(subject: string, token: string): Promise<void>;
  findProject(id: string, token: string): Promise<Project | undefined>;
  /** All of the cloud; needs an administrator's or a service's token. */
  listProjects(token: string): Promise<readonly Project[]>;
}

export function createIdentityClient(transport: Transport): IdentityClient {
  return {
    logIn: async (login) => {
      const answer = await expectOk('identity', transport, {
        method: 'POST',
        path: '/v3/auth/tokens',
        body: loginBody(login),
      });
      const token = answer.headers['x-subject-token'];
      if (token === undefined)
        throw new DomainError('unavailable', 'identity-answer', 'identity gave no token');
      const body = tokenIn(answer.body);
      return { token, body, principal: principalOf(body) };
    },
    validateToken: async (subject, token, options) => {
      if (!isHeaderText(subject)) return undefined;
      const answer = await transport.send({
        method: 'GET',
        path: `/v3/auth/tokens?nocatalog${options?.allowExpired ? '&allow_expired=1' : ''}`,
        token,
        headers: { 'x-subject-token': subject },
      });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw refusal('identity', answer);
      return tokenIn(answer.body);
    },
    revokeToken: async (subject, token) => {
      await expectOk('identity', transport, {
        method: 'DELETE',
        path: '/v3/auth/tokens',
        token,
        headers: { 'x-subject-token': subject },
      });
    },
    findProject: async (id, token) => {
      const path = `/v3/projects/${encodeURIComponent(id)}`;
      const answer = await expectOk('identity', transport, { method: 'GET', path, token }, [200, 404]);
      return answer.status === 404 ? undefined : (answer.body as { project: Project }).project;
    },
    listProjects: async (token) => {
      const answer = await expectOk('identity', transport, { method: 'GET', path: '/v3/projects', token });
      return (answer.body as { projects: Project[] }).projects;
    },
  };
}

/** Text that no HTTP header can carry is no token; asking with it would fail in the transport instead. */
function isHeaderText(text: string): boolean {
  return /^[\u0021-\u007e]{1,4096}$/.test(text);
}

function loginBody(login: PasswordLogin): unknown {
  const domain = { id: login.userDomainId ?? 'default' };
  const user = { name: login.username, domain, password: login.password };
  const project =
    login.projectName === undefined
      ? undefined
      : { name: login.projectName, domain: { id: login.projectDomainId ?? 'default' } };
  return {
    auth: {
      identity: { methods: ['password'], password: { user } },
      ...(project ? { scope: { project } } : {}),
    },
  };
}

function tokenIn(body: unknown): TokenBody {
  const token = (body as { token?: TokenBody } | undefined)?.token;
  if (token?.user === undefined) {
    throw new DomainError('unavailable', 'identity-answer', 'identity answered something that is no token');
  }
  return token;
}
