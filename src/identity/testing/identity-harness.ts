// A whole identity service for tests: real routes, SQL and tokens, bootstrapped, with cheap hashes and a clock to turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import { mountForTest, type Answer, type CallOptions } from '#test/support/service-harness.ts';
import { bootstrapIdentity, CATALOG_SERVICES } from '../bootstrap.ts';
import type { IdentityOptions } from '../config.ts';
import { createIdentityService, type IdentityService } from '../service.ts';

export interface Identity extends AsyncDisposable {
  readonly service: IdentityService;
  readonly app: FastifyInstance;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly passwords: Readonly<Record<string, string>>;
  /** Turns the clock on. */
  advance(ms: number): void;
  /** Without a token unless told. */
  call(method: string, url: string, options?: CallOptions): Promise<Answer>;
  /** Logs in and returns the token; `scope` as in the API, absent for none. */
  logIn(user: string, password: string, scope?: unknown): Promise<string>;
  /** The administrator's, on project admin. */
  admin(): Promise<string>;
  /** Logs in with any identity part, returning the whole answer. */
  authenticate(identity: unknown, scope?: unknown): Promise<Answer>;
}

export const ADMIN_PASSWORD = 'the admin password';
export const onProject = (name: string): unknown => ({ project: { name, domain: { id: 'default' } } });

export function passwordOf(name: string, password: string, domain = 'default'): unknown {
  return { methods: ['password'], password: { user: { name, domain: { id: domain }, password } } };
}

export async function startIdentity(
  options: IdentityOptions = {},
  databaseUrl = 'sqlite::memory:',
): Promise<Identity> {
  const directory = mkdtempSync(join(tmpdir(), 'identity-'));
  const bus = createInProcessBus();
  let offset = 0;
  const clock: Clock = { now: () => Date.now() + offset, sleep: async () => {} };
  const service = await createIdentityService(
    {
      log: silentLog,
      clock,
      bus,
      databaseUrl,
      dataDir: directory,
      policyOverrides: {},
    },
    { passwordHash: { memoryKiB: 64, passes: 1 }, ...options },
  );
  const { passwords } = await bootstrapIdentity(service.deps, {
    adminPassword: ADMIN_PASSWORD,
    region: 'RegionOne',
    origin: 'http://cloud.example',
    services: CATALOG_SERVICES,
  });
  const mounted = await mountForTest(service.api, { authenticator: service.authenticator });
  const call = async (method: string, url: string, more: CallOptions = {}): Promise<Answer> =>
    mounted.call(method, url, { token: null, ...more });
  const authenticate = async (identity: unknown, scope?: unknown): Promise<Answer> =>
    call('POST', '/v3/auth/tokens', {
      body: { auth: { identity, ...(scope === undefined ? {} : { scope }) } },
    });
  const logIn = async (user: string, password: string, scope?: unknown): Promise<string> => {
    const answer = await authenticate(passwordOf(user, password), scope);
    const token = answer.headers['x-subject-token'];
    if (answer.status !== 201 || token === undefined) throw new Error(`login of ${user}: ${answer.status}`);
    return token;
  };
  return {
    service,
    app: mounted.app,
    bus,
    clock,
    passwords,
    advance: (ms) => void (offset += ms),
    call,
    authenticate,
    logIn,
    admin: async () => logIn('admin', ADMIN_PASSWORD, onProject('admin')),
    [Symbol.asyncDispose]: async () => {
      await mounted.app.close();
      await service[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
