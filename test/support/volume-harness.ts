// A real volume service on a database and a directory of its own, mounted; only the callers and its peers are made up.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Principal } from '#platform/auth/principal.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import type { Transport } from '#platform/clients/transport.ts';
import { systemClock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { silentLog } from '#platform/log/log.ts';
import type { ServiceName } from '#platform/service/service.ts';
import type { VolumeConfig } from '#volume/config.ts';
import { createVolumeService, type VolumeService } from '#volume/service.ts';
import { CALLERS, mountForTest, namedTokens, type Answer, type CallOptions } from './service-harness.ts';

export interface VolumeHarness extends AsyncDisposable {
  readonly dir: string;
  readonly app: FastifyInstance;
  readonly bus: Bus;
  readonly service: VolumeService;
  /** `url` below the service: `/v3/volumes`. */
  call(method: string, url: string, options?: CallOptions & { readonly version?: string }): Promise<Answer>;
}

export interface VolumeHarnessOptions {
  readonly config?: Partial<VolumeConfig>;
  /** Default: a file in the harness's directory. */
  readonly databaseUrl?: string;
  /** Of an earlier harness, to start again on what it left; it is removed only when this made it. */
  readonly dir?: string;
  readonly callers?: Readonly<Record<string, Principal>>;
  readonly peers?: Partial<Record<ServiceName, Transport>>;
}

export async function startVolumes(options: VolumeHarnessOptions = {}): Promise<VolumeHarness> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'pileus-volume-')));
  const bus = createInProcessBus();
  const service = await createVolumeService(
    {
      log: silentLog,
      clock: systemClock,
      bus,
      databaseUrl: options.databaseUrl ?? `sqlite:${join(dir, 'volume.db')}`,
      dataDir: dir,
      policyOverrides: {},
      peer: (name) => options.peers?.[name] ?? { send: refuse },
      serviceToken: async () => 'service',
      region: 'RegionOne',
    },
    options.config,
  );
  const { app, call } = await mountForTest(service.api, {
    authenticator: namedTokens(options.callers ?? CALLERS),
  });
  await service.start();
  return {
    dir,
    app,
    bus,
    service,
    call: async (method, url, { version, headers, ...rest } = {}) =>
      call(method, url, {
        ...rest,
        headers: { ...(version ? { 'openstack-api-version': `volume ${version}` } : {}), ...headers },
      }),
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
