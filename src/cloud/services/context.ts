// What all services of one process share, and each service's own part of it. Used by the assembly.
import Fastify, { type FastifyInstance } from 'fastify';
import { join } from 'node:path';
import {
  createServiceTokenSource,
  createTokenValidator,
  type ServiceTokenSource,
  type TokenValidator,
} from '#platform/auth/token-validator.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { inProcessTransport } from '#platform/clients/transport.ts';
import { systemClock, type Clock } from '#platform/context/clock.ts';
import { refuseUnroutable } from '#platform/http/unroutable.ts';
import type { Log } from '#platform/log/log.ts';
import type { ServiceContext, ServiceName } from '#platform/service/service.ts';
import { SERVICE_USERS } from '#identity/bootstrap.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { Credentials } from '../bootstrap/credentials.ts';

export interface Shared extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly region: string;
  /** Identity is made with this, before there are tokens. */
  identityContext(): Omit<ServiceContext, 'serviceToken'>;
  /** The others, once identity is bootstrapped. */
  context(service: Exclude<ServiceName, 'identity'>, credentials: Credentials): Promise<ServiceContext>;
  validator(credentials: Credentials): Promise<TokenValidator>;
}

export interface SharedOptions {
  readonly data: DataDirectory;
  readonly log: Log;
  readonly region: string;
  readonly policyOverrides: Readonly<Record<string, string>>;
}

/** Bodies of images are streams of any size; JSON bodies have their own limit in the routes. */
const BODY_LIMIT = Number.MAX_SAFE_INTEGER;

export function createShared({ data, log, region, policyOverrides }: SharedOptions): Shared {
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    frameworkErrors: (error, request, reply) => refuseUnroutable(app, error, request, reply),
  });
  const bus = createInProcessBus({ log });
  const clock = systemClock;
  const tokens = new Map<string, Promise<ServiceTokenSource>>();
  const owned: AsyncDisposable[] = [];
  const peer = (service: ServiceName) => inProcessTransport(app, `/${service}`);

  const own = (service: ServiceName): Omit<ServiceContext, 'serviceToken'> => ({
    log: log.child({ service }),
    clock,
    bus,
    databaseUrl: `sqlite:${join(data.make('services'), service === 'placement' ? 'compute.db' : `${service}.db`)}`,
    dataDir: data.make('services', service),
    policyOverrides,
    peer,
    region,
  });

  const tokenSource = async (
    service: Exclude<ServiceName, 'identity'>,
    credentials: Credentials,
  ): Promise<ServiceTokenSource> => {
    const username = SERVICE_USERS[service];
    const made =
      tokens.get(username) ??
      createServiceTokenSource({
        identity: peer('identity'),
        bus,
        clock,
        login: { username, password: credentials.passwordOf(username) },
      });
    tokens.set(username, made);
    return made;
  };

  return {
    app,
    bus,
    clock,
    log,
    region,
    identityContext: () => own('identity'),
    context: async (service, credentials) => ({
      ...own(service),
      serviceToken: (await tokenSource(service, credentials)).token,
    }),
    validator: async (credentials) => {
      const source = await tokenSource('compute', credentials);
      const validator = await createTokenValidator({
        identity: peer('identity'),
        bus,
        clock,
        serviceToken: source.token,
        forgetServiceToken: source.forget,
      });
      owned.push(validator, source);
      return validator;
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      for (const source of tokens.values()) await (await source)[Symbol.asyncDispose]();
      for (const each of owned) await each[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}
