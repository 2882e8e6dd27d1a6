// Identity and image, real and together on one listener: for what needs true tokens and the unmodified client.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { createServiceTokenSource, createTokenValidator } from '#platform/auth/token-validator.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { createIdentityClient } from '#platform/clients/identity.ts';
import { inProcessTransport, type Transport } from '#platform/clients/transport.ts';
import { systemClock } from '#platform/context/clock.ts';
import { mountApi } from '#platform/http/mount.ts';
import { silentLog } from '#platform/log/log.ts';
import { bootstrapIdentity, CATALOG_SERVICES, SERVICE_USERS } from '#identity/bootstrap.ts';
import { createIdentityService } from '#identity/service.ts';
import { createImageService, type ImageService } from '#image/service.ts';

export interface ImageCloud extends AsyncDisposable {
  readonly dir: string;
  /** `http://127.0.0.1:…` */
  readonly origin: string;
  readonly service: ImageService;
  readonly image: Transport;
  /** A token of `demo` or `admin`, scoped to the project of the same name, or of compute's own user. */
  token(user: 'demo' | 'admin' | 'nova'): Promise<string>;
  /** Environment of the unmodified client. */
  environment(user: 'demo' | 'admin'): Readonly<Record<string, string>>;
}

export async function startImageCloud(): Promise<ImageCloud> {
  await using undo = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'pileus-image-cloud-'));
  undo.defer(async () => rm(dir, { recursive: true, force: true }));
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 1024 } });
  const bus = undo.use(createInProcessBus());
  const peer = (service: string): Transport => inProcessTransport(app, `/${service}`);
  const own = async (service: string) => {
    const dataDir = join(dir, service);
    await mkdir(dataDir, { recursive: true });
    return {
      log: silentLog,
      clock: systemClock,
      bus,
      databaseUrl: `sqlite:${join(dir, `${service}.db`)}`,
      dataDir,
      policyOverrides: {},
      peer,
      region: 'RegionOne',
    };
  };
  const identity = undo.use(await createIdentityService(await own('identity')));
  await mountApi(app, identity.api, { authenticator: identity.authenticator, log: silentLog });
  const passwords: Record<string, string> = {};
  const login = { projectName: 'service', username: SERVICE_USERS.image };
  const tokens = undo.use(
    await createServiceTokenSource({
      identity: peer('identity'),
      bus,
      clock: systemClock,
      login: {
        ...login,
        get password() {
          return passwords[login.username] ?? '';
        },
      },
    }),
  );
  const authenticator = undo.use(
    await createTokenValidator({
      identity: peer('identity'),
      bus,
      clock: systemClock,
      serviceToken: tokens.token,
    }),
  );
  const service = undo.use(await createImageService({ ...(await own('image')), serviceToken: tokens.token }));
  await mountApi(app, service.api, { authenticator, log: silentLog });
  undo.defer(async () => app.close());
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const made = await bootstrapIdentity(identity.deps, {
    region: 'RegionOne',
    origin,
    services: CATALOG_SERVICES,
  });
  Object.assign(passwords, made.passwords);
  await service.start();
  const owned = undo.move();
  return {
    dir,
    origin,
    service,
    image: peer('image'),
    token: async (username) => {
      const projectName = username === 'nova' ? 'service' : username;
      const client = createIdentityClient(peer('identity'));
      return (await client.logIn({ username, password: passwords[username] ?? '', projectName })).token;
    },
    environment: (user) => ({
      OS_AUTH_URL: `${origin}/identity/v3`,
      OS_USERNAME: user,
      OS_PASSWORD: passwords[user] ?? '',
      OS_PROJECT_NAME: user,
      OS_USER_DOMAIN_ID: 'default',
      OS_PROJECT_DOMAIN_ID: 'default',
      OS_REGION_NAME: 'RegionOne',
      OS_IDENTITY_API_VERSION: '3',
    }),
    [Symbol.asyncDispose]: async () => owned.disposeAsync(),
  };
}
