// A real image service on SQLite and a directory of its own, mounted and listening; only the callers are made up.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Principal } from '#platform/auth/principal.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { httpTransport, inProcessTransport, type Transport } from '#platform/clients/transport.ts';
import { systemClock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { mountApi } from '#platform/http/mount.ts';
import { silentLog } from '#platform/log/log.ts';
import type { ImageConfig } from '#image/config.ts';
import { createImageService, type ImageService, type ImageServiceOptions } from '#image/service.ts';
import { CALLERS, namedTokens, type Answer, type CallOptions } from './service-harness.ts';

export interface ImageHarness extends AsyncDisposable {
  readonly dir: string;
  readonly app: FastifyInstance;
  readonly service: ImageService;
  /** `http://127.0.0.1:…`, of the whole listener. */
  readonly origin: string;
  readonly inProcess: Transport;
  readonly http: Transport;
  call(
    method: string,
    url: string,
    options?: CallOptions & { readonly raw?: Buffer | string },
  ): Promise<Answer>;
}

/** @param dir of an earlier harness, to start again on what it left; it is removed only when this made it */
export async function startImages(
  config: Partial<ImageConfig> = {},
  options: {
    dir?: string;
    databaseUrl?: string;
    callers?: Readonly<Record<string, Principal>>;
  } & ImageServiceOptions = {},
): Promise<ImageHarness> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'pileus-image-')));
  const authenticator = namedTokens(options.callers ?? CALLERS);
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 1024 } });
  const bus = createInProcessBus();
  const service = await createImageService(
    {
      log: silentLog,
      clock: systemClock,
      bus,
      databaseUrl: options.databaseUrl ?? `sqlite:${join(dir, 'image.db')}`,
      dataDir: dir,
      policyOverrides: {},
      peer: () => ({ send: refuse }),
      serviceToken: async () => 'service',
      region: 'RegionOne',
    },
    config,
    options,
  );
  await mountApi(app, service.api, { authenticator, log: silentLog });
  await service.start();
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    dir,
    app,
    service,
    origin,
    inProcess: inProcessTransport(app, '/image'),
    http: httpTransport(`${origin}/image`),
    call: async (method, url, { token = 'member', body, headers = {}, raw } = {}) => {
      const answer = await app.inject({
        method: method as 'GET',
        url: `/image${url}`,
        headers: {
          accept: 'application/json',
          ...(token === null ? {} : { 'x-auth-token': token }),
          ...(raw === undefined ? {} : { 'content-type': 'application/octet-stream' }),
          ...headers,
        },
        ...(raw !== undefined
          ? { payload: raw }
          : body === undefined
            ? {}
            : { payload: JSON.stringify(body) }),
      });
      const isJson = String(answer.headers['content-type']).startsWith('application/json');
      return {
        status: answer.statusCode,
        headers: Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
        ),
        body:
          answer.payload === ''
            ? undefined
            : isJson
              ? (JSON.parse(answer.payload) as unknown)
              : answer.rawPayload,
      };
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await service[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

async function refuse(): Promise<never> {
  throw new DomainError('unauthorized', 'no-peers', 'There are no peers here.');
}
