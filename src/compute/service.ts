// The compute service: its REST API, its database (shared with placement) and its outbox. Queues are served by the
// scheduler, the conductor and the agents, which `src/cloud` starts as roles of their own.
import { startOutbox, outboxMigration } from '#platform/bus/outbox.ts';
import { createImageClient } from '#platform/clients/image.ts';
import { createNetworkClient } from '#platform/clients/network.ts';
import { createVolumeClient } from '#platform/clients/volume.ts';
import { vouchingTransport, type Transport } from '#platform/clients/transport.ts';
import type { Api } from '#platform/http/api.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import { sagaMigration } from '#platform/saga/sql-log.ts';
import type { Service, ServiceContext } from '#platform/service/service.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { computePolicies, computeRoutes, computeTwins } from './api-table.ts';
import { DEFAULT_COMPUTE_CONFIG, type ComputeConfig } from './config.ts';
import type { ComputeDatabase, ComputeDeps } from './deps.ts';
import { MICROVERSIONS } from './discovery/routes.ts';
import { COMPUTE_FAULTS, renderComputeFault } from './faults.ts';
import { computeMigration } from './migrations/001-compute.ts';
import { blockDevicesMigration } from './migrations/002-block-devices.ts';
import { migrationsMigration } from './migrations/003-migrations.ts';
import { pendingImagesMigration } from './migrations/004-pending-images.ts';
import { portRequestsMigration } from './migrations/005-port-requests.ts';
import type { ComputeTables } from './tables.ts';

/** Opens the database that compute's roles and placement share, and brings its tables up to date. */
export async function openComputeDatabase(url: string): Promise<ComputeDatabase> {
  const db = openDatabase<ComputeTables>(url);
  await migrate(db, 'compute', [
    outboxMigration,
    sagaMigration,
    computeMigration,
    blockDevicesMigration,
    migrationsMigration,
    pendingImagesMigration,
    portRequestsMigration,
  ]);
  return db;
}

export interface ComputeService extends Service<ComputeDeps> {
  readonly deps: ComputeDeps;
}

/** `db`: the database of the process's other compute roles, when they run in it; else one is opened and closed here. */
export async function createComputeService(
  context: ServiceContext,
  config: Partial<ComputeConfig> = {},
  shared?: ComputeDatabase,
): Promise<ComputeService> {
  const db = shared ?? (await openComputeDatabase(context.databaseUrl));
  const deps: ComputeDeps = {
    db,
    bus: context.bus,
    clock: context.clock,
    enforcer: new Enforcer(computePolicies, context.policyOverrides),
    log: context.log,
    config: { ...DEFAULT_COMPUTE_CONFIG, ...config },
    region: context.region,
    image: createImageClient(peerOf(context, 'image')),
    network: createNetworkClient(peerOf(context, 'network')),
    volume: createVolumeClient(peerOf(context, 'volume')),
    peer: context.peer,
    serviceToken: context.serviceToken,
  };
  let outbox: AsyncDisposable | undefined;
  return {
    name: 'compute',
    api: computeApi(deps),
    deps,
    start: async () => {
      outbox = startOutbox(db, context.bus, context.log);
    },
    [Symbol.asyncDispose]: async () => {
      await outbox?.[Symbol.asyncDispose]();
      if (!shared) await db[Symbol.asyncDispose]();
    },
  };
}

/** Looked up at each request: services may be created in any order. */
function peerOf(context: ServiceContext, service: 'image' | 'network' | 'volume'): Transport {
  const send: Transport['send'] = async (request) => context.peer(service).send(request);
  const sendStream: NonNullable<Transport['sendStream']> = async (request) => {
    const peer = context.peer(service);
    if (!peer.sendStream) throw new TypeError(`the transport to ${service} has no sendStream`);
    return peer.sendStream(request);
  };
  return vouchingTransport({ send, sendStream }, context.serviceToken);
}

function computeApi(deps: ComputeDeps): Api<ComputeDeps> {
  return {
    name: 'compute',
    prefix: '/compute',
    routes: computeRoutes,
    deps,
    enforcer: deps.enforcer,
    microversions: MICROVERSIONS,
    strictSlash: true,
    twins: computeTwins,
    requestIdHeader: 'x-compute-request-id',
    faults: COMPUTE_FAULTS,
    renderFault: renderComputeFault,
    bodyLimit: 112 * 1024,
    bodyRules: {
      order: 'token, body, schema, rule',
      sizeFirst: true,
      ignoredOf: ['GET', 'HEAD', 'DELETE'],
      isJson: (type) =>
        ['', 'text/plain', 'application/json', 'application/vnd.openstack.compute+json'].includes(type),
    },
  };
}
