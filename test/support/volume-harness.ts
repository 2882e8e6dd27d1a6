// A real volume service on a database and a directory of its own, mounted; only the callers and its peers are made up.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Principal } from '#platform/auth/principal.ts';
import { createMemoryVolumeDriver, type MemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import type { Transport } from '#platform/clients/transport.ts';
import { systemClock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { silentLog } from '#platform/log/log.ts';
import type { ServiceName } from '#platform/service/service.ts';
import type { VolumeConfig } from '#volume/config.ts';
import { startVolumeBackend } from '#volume/host/volume-service.ts';
import { startExpireOperations } from '#volume/loops/expire-operations.ts';
import { startVolumeScheduler } from '#volume/scheduler/start-scheduler.ts';
import { createVolumeService, type VolumeService } from '#volume/service.ts';
import {
  CALLERS,
  mountForTest,
  namedTokens,
  type Answer,
  type CallOptions,
  type JsonValue,
} from './service-harness.ts';
import { until } from './until.ts';

export interface VolumeHarness extends AsyncDisposable {
  readonly dir: string;
  readonly app: FastifyInstance;
  readonly bus: Bus;
  readonly service: VolumeService;
  /** The models of storage behind it, by the name of the backend. */
  readonly drivers: ReadonlyMap<string, MemoryVolumeDriver>;
  /** `url` below the service: `/v3/volumes`. */
  call(method: string, url: string, options?: CallOptions & { readonly version?: string }): Promise<Answer>;
}

export interface HarnessBackend {
  readonly name: string;
  /** Default `host-1`. What others have is in `drivers` as `host@name`. */
  readonly host?: string;
  readonly zone?: string;
  readonly totalGb?: number;
  /** Stands between the service and the model. */
  readonly wrap?: (driver: VolumeDriver) => VolumeDriver;
}

export interface VolumeHarnessOptions {
  readonly config?: Partial<VolumeConfig>;
  /** Default: a file in the harness's directory. */
  readonly databaseUrl?: string;
  /** Of an earlier harness, to start again on what it left; it is removed only when this made it. */
  readonly dir?: string;
  readonly callers?: Readonly<Record<string, Principal>>;
  /** Storage backends, each a model. Default: none, so that nothing is scheduled. */
  readonly backends?: readonly HarnessBackend[];
  /** False: nobody chooses backends. */
  readonly scheduler?: boolean;
  /** Runs the loop that ends late operations. */
  readonly expire?: boolean;
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
  const roles = new AsyncDisposableStack();
  const drivers = new Map<string, MemoryVolumeDriver>();
  if (options.scheduler !== false) roles.use(await startVolumeScheduler(service.deps, 'host-1'));
  if (options.expire) roles.use(startExpireOperations(service.deps));
  for (const { name, host = 'host-1', zone, totalGb, wrap } of options.backends ?? []) {
    const key = host === 'host-1' ? name : `${host}@${name}`;
    const driver = await createMemoryVolumeDriver({ directory: join(dir, key), totalGb: totalGb ?? 100 });
    drivers.set(key, driver);
    roles.use(driver);
    roles.use(
      await startVolumeBackend(service.deps, {
        host,
        name,
        availabilityZone: zone ?? 'nova',
        driver: wrap ? wrap(driver) : driver,
      }),
    );
  }
  return {
    dir,
    app,
    bus,
    service,
    drivers,
    call: async (method, url, { version, headers, ...rest } = {}) =>
      call(method, url, {
        ...rest,
        headers: { ...(version ? { 'openstack-api-version': `volume ${version}` } : {}), ...headers },
      }),
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await roles.disposeAsync();
      await service[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

async function refuse(): Promise<never> {
  throw new DomainError('unauthorized', 'no-peers', 'There are no peers here.');
}

/** Waits until the resource at `url` has `status`. @throws Error with what it has instead */
export async function untilStatus(
  volumes: VolumeHarness,
  url: string,
  status: string,
  token = 'member',
): Promise<JsonValue> {
  let seen: JsonValue;
  await until(
    async () => {
      const { body } = await volumes.call('GET', url, { token, version: '3.70' });
      seen = body.volume ?? body.snapshot ?? body.backup;
      return seen?.status === status || (status === 'gone' && body.itemNotFound !== undefined);
    },
    { deadlineMs: 10_000, what: `${url} to be ${status}`, everyMs: 10 },
  ).catch((error: unknown) => {
    throw new Error(`${url} is ${seen?.status}, not ${status}`, { cause: error });
  });
  return seen;
}
