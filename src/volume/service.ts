// The volume service: its REST API, its database and its outbox. Queues are served by the scheduler and by one volume service
// a backend, which `src/cloud` starts as roles of their own.
import { createTokenValidator, type TokenValidator } from '#platform/auth/token-validator.ts';
import { outboxMigration, startOutbox } from '#platform/bus/outbox.ts';
import { createImageClient } from '#platform/clients/image.ts';
import { vouchingTransport, type Transport } from '#platform/clients/transport.ts';
import type { Api } from '#platform/http/api.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import { sagaMigration } from '#platform/saga/sql-log.ts';
import type { Service, ServiceContext } from '#platform/service/service.ts';
import { LogLevels } from '#platform/log/log-levels.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { volumeApiPolicies, volumeApiRoutes } from './api-table.ts';
import { DEFAULT_VOLUME_CONFIG, type VolumeConfig } from './config.ts';
import type { VolumeDatabase, VolumeDeps } from './deps.ts';
import { MICROVERSIONS } from './discovery/routes.ts';
import { renderVolumeFault, VOLUME_FAULTS } from './fault.ts';
import { volumeMigration } from './migrations/001-volume.ts';
import { typeEncryptionMigration } from './migrations/002-type-encryption.ts';
import { backupDataMigration } from './migrations/003-backup-data.ts';
import { groupMigration } from './migrations/004-groups.ts';
import { clusterMigration } from './migrations/005-clusters.ts';
import { encryptionKeyMigration } from './migrations/006-encryption-keys.ts';
import { startSettleGroups } from './loops/settle-groups.ts';
import type { VolumeTables } from './tables.ts';
import { seedConsistencyGroupType } from './group_types/store.ts';
import { seedDefaultType } from './volumes/type-store.ts';

export interface VolumeService extends Service<VolumeDeps> {
  readonly name: 'volume';
  readonly deps: VolumeDeps;
}

export async function openVolumeDatabase(url: string): Promise<VolumeDatabase> {
  const db = openDatabase<VolumeTables>(url);
  await migrate(db, 'volume', [
    outboxMigration,
    sagaMigration,
    volumeMigration,
    typeEncryptionMigration,
    backupDataMigration,
    groupMigration,
    clusterMigration,
    encryptionKeyMigration,
  ]);
  return db;
}

export async function createVolumeService(
  context: ServiceContext,
  given: Partial<VolumeConfig> = {},
  options: Pick<VolumeDeps, 'backupObjects'> = {},
): Promise<VolumeService> {
  await using undo = new AsyncDisposableStack();
  const config = { ...DEFAULT_VOLUME_CONFIG, ...given };
  const db = undo.use(await openVolumeDatabase(context.databaseUrl));
  const serviceTokens = undo.use(await serviceTokenValidator(context));
  const logLevels = new LogLevels(context.log);
  const deps: VolumeDeps = {
    config,
    clock: context.clock,
    log: logLevels.logger('volume.api'),
    logLevels,
    bus: context.bus,
    db,
    enforcer: new Enforcer(volumeApiPolicies, context.policyOverrides),
    ...options,
    dataDir: context.dataDir,
    region: context.region,
    image: createImageClient(imagePeer(context)),
    peer: context.peer,
    serviceToken: context.serviceToken,
    serviceTokens,
  };
  await seedDefaultType(db, config.defaultVolumeType, context.clock);
  await seedConsistencyGroupType(db.kysely, context.clock);
  let running: AsyncDisposable | undefined;
  const owned = undo.move();
  return {
    name: 'volume',
    api: volumeApi(deps),
    deps,
    start: async () => {
      await using starting = new AsyncDisposableStack();
      starting.use(startOutbox(db, context.bus, logLevels.logger('volume.outbox')));
      starting.use(await startSettleGroups({ ...deps, log: logLevels.logger('volume.groups') }));
      running = starting.move();
    },
    [Symbol.asyncDispose]: async () => {
      await running?.[Symbol.asyncDispose]();
      await owned.disposeAsync();
    },
  };
}

/** Looked up at each request: services may be created in any order. */
function imagePeer(context: ServiceContext): Transport {
  return vouchingTransport(
    {
      send: async (request) => context.peer('image').send(request),
      sendStream: async (request) => {
        const { sendStream } = context.peer('image');
        if (!sendStream) throw new TypeError('the transport to the image service has no sendStream');
        return sendStream(request);
      },
    },
    context.serviceToken,
  );
}

async function serviceTokenValidator(context: ServiceContext): Promise<TokenValidator> {
  return createTokenValidator({
    identity: { send: async (request) => context.peer('identity').send(request) },
    bus: context.bus,
    clock: context.clock,
    serviceToken: context.serviceToken,
  });
}

function volumeApi(deps: VolumeDeps): Api<VolumeDeps> {
  return {
    name: 'volume',
    prefix: '/volume',
    routes: volumeApiRoutes,
    deps,
    enforcer: deps.enforcer,
    strictSlash: true,
    requestIdHeader: 'x-compute-request-id', // upstream's middleware, which names it so here too
    microversions: MICROVERSIONS,
    faults: VOLUME_FAULTS,
    renderFault: renderVolumeFault,
    bodyLimit: 112 * 1024,
    bodyRules: { order: 'token, body, schema, rule', sizeFirst: true, ignoredOf: [] },
  };
}
