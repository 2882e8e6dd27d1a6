/**
 * The services of a whole cloud in one process, on a ground that is still being built while they start.
 * Called by `pileus up` and by tests, through up.ts.
 */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { readPolicyFile } from '#platform/policy/enforcer.ts';
import { CATALOG_SERVICES, bootstrapIdentity } from '#identity/bootstrap.ts';
import { createIdentityService } from '#identity/service.ts';
import { createComputeService, openComputeDatabase, type ComputeService } from '#compute/service.ts';
import { startConductor } from '#compute/conductor/conductor.ts';
import { startRefreshAddresses } from '#compute/loops/refresh-addresses.ts';
import { startConfirmResizes } from '#compute/loops/confirm-resizes.ts';
import { startDiscardImages } from '#compute/loops/discard-images.ts';
import { startExpireActions } from '#compute/loops/expire-actions.ts';
import { startOffloadShelved } from '#compute/loops/offload-shelved.ts';
import { startReclaimDeleted } from '#compute/loops/reclaim-deleted.ts';
import { startReleaseVolumes } from '#compute/loops/release-volumes.ts';
import { startScheduler } from '#compute/scheduler/start-scheduler.ts';
import { createImageService } from '#image/service.ts';
import { createNetworkService } from '#network/service.ts';
import { createPlacementService } from '#placement/service.ts';
import { startVolumeBackend } from '#volume/host/volume-service.ts';
import { startExpireOperations } from '#volume/loops/expire-operations.ts';
import { startVolumeScheduler } from '#volume/scheduler/start-scheduler.ts';
import { createVolumeService, type VolumeService } from '#volume/service.ts';
import { mountApi } from '#platform/http/mount.ts';
import type { Service } from '#platform/service/service.ts';
import type { Authenticator } from '#platform/auth/principal.ts';
import { keepCredentials, writeCloudsYaml, type Credentials } from './bootstrap/credentials.ts';
import { firstBoot } from './bootstrap/first-boot.ts';
import { mountConsoles } from './consoles/mount.ts';
import { startHosts } from './hosts.ts';
import { createShared, type Shared } from './services/context.ts';
import { openCloudLog } from './services/log.ts';
import { backupStorage, computeStorage, imageStorage } from './storage.ts';
import type { Assembly, Foundation } from './up.ts';
import { worldOf, type World } from './world.ts';

export const REGION = 'RegionOne';

export async function assemble(foundation: Foundation): Promise<Assembly> {
  const { data } = foundation;
  const listen = await fixPort(foundation.listen);
  await using undo = new AsyncDisposableStack();
  const log = openCloudLog(data);
  const shared = undo.use(
    createShared({ data, log, region: REGION, policyOverrides: readOverrides(foundation) }),
  );
  const world = undo.use(await worldOf(foundation, shared));
  const origin = originOf(listen);

  const identity = undo.use(
    await createIdentityService(shared.identityContext(), foundation.tuning.identity),
  );
  await mountApi(shared.app, identity.api, {
    authenticator: identity.authenticator,
    log,
    publicOrigin: origin,
  });
  const made = await bootstrapIdentity(identity.deps, { region: REGION, origin, services: CATALOG_SERVICES });
  const credentials = keepCredentials(data, made.passwords);
  const validator = await shared.validator(credentials);

  const services = await createServices({ foundation, shared, world, credentials }, undo);
  const { placement, image, network, volume, compute } = services;
  await mount(shared.app, placement, validator, log, origin);
  await mount(shared.app, image, validator, log, origin);
  await mount(shared.app, network, validator, log, origin);
  await mount(shared.app, volume, validator, log, origin);
  await mount(shared.app, compute, validator, log, origin);
  await world.mount?.(shared.app, validator);
  const consoles = await mountConsoles(shared.app, compute.deps, world);
  await shared.app.listen(splitListen(listen));
  const cloudsYaml = writeCloudsYaml(data, { origin, region: REGION, credentials });

  await Promise.all(
    [identity, placement, image, network, volume, compute].map(async (service) => service.start()),
  );
  await startRoles(compute, undo);
  await startVolumeRoles(volume, world, undo);
  const { maxConcurrentLiveMigrations } = compute.deps.config;
  const options = { maxConcurrentLiveMigrations, ...foundation.tuning.host };
  undo.use(await startHosts(world, shared, credentials, options));
  const greeting = await firstBoot({
    foundation,
    shared,
    world,
    credentials,
    compute,
    address: origin,
    cloudsYaml,
  });
  const stack = undo.move();
  return {
    greeting,
    close: async () => {
      consoles.close();
      await stack.disposeAsync();
    },
  };
}

interface ServiceParts {
  readonly foundation: Foundation;
  readonly shared: Shared;
  readonly world: World;
  readonly credentials: Credentials;
}

async function createServices(
  { foundation: { storage, ground, tuning }, shared, world, credentials }: ServiceParts,
  undo: AsyncDisposableStack,
) {
  const contexts = {
    placement: await shared.context('placement', credentials),
    image: await shared.context('image', credentials),
    network: await shared.context('network', credentials),
    volume: await shared.context('volume', credentials),
    compute: await shared.context('compute', credentials),
  };
  const db = undo.use(await openComputeDatabase(contexts.compute.databaseUrl));
  const placement = undo.use(await createPlacementService(contexts.placement, {}, db));
  const images = imageStorage(storage, ground);
  const image = undo.use(
    await createImageService(contexts.image, { ...images.config, ...tuning.image }, images.options),
  );
  const network = undo.use(
    await createNetworkService(contexts.network, { ...world.network, ...tuning.network }, world.connectOvn),
  );
  const volume = undo.use(
    await createVolumeService(contexts.volume, tuning.volume, backupStorage(storage, ground)),
  );
  const compute = undo.use(
    await createComputeService(contexts.compute, { ...computeStorage(storage), ...tuning.compute }, db),
  );
  return { placement, image, network, volume, compute };
}

/** The roles of compute beside its API: they take messages from the moment this resolves. */
async function startRoles({ deps }: ComputeService, undo: AsyncDisposableStack): Promise<void> {
  for (const role of [await startConductor(deps), await startScheduler(deps)])
    undo.defer(async () => role.close());
  undo.use(startExpireActions(deps));
  undo.use(startConfirmResizes(deps));
  undo.use(startReleaseVolumes(deps));
  undo.use(startDiscardImages(deps));
  undo.use(startOffloadShelved(deps));
  undo.use(startReclaimDeleted(deps));
  undo.use(await startRefreshAddresses(deps));
}

/** The volume scheduler, and one volume service a backend of the world. */
async function startVolumeRoles(
  { deps }: VolumeService,
  world: World,
  undo: AsyncDisposableStack,
): Promise<void> {
  undo.use(startExpireOperations(deps));
  const backends = await world.volumeBackends();
  undo.use(await startVolumeScheduler(deps, backends[0]?.host ?? 'scheduler'));
  for (const backend of backends) undo.use(await startVolumeBackend(deps, backend));
}

async function mount<D>(
  app: FastifyInstance,
  service: Service<D>,
  authenticator: Authenticator,
  log: Shared['log'],
  publicOrigin: string,
): Promise<void> {
  await mountApi(app, service.api, { authenticator, log, publicOrigin });
}

/** Port 0 is any free one; the catalog must name it before anything listens, so it is chosen here. */
async function fixPort(listen: string): Promise<string> {
  const { host, port } = splitListen(listen);
  if (port !== 0) return listen;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, host, resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return `${listen.slice(0, listen.lastIndexOf(':'))}:${typeof address === 'object' ? address?.port : 0}`;
}

function splitListen(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

/** `0.0.0.0:80` is reached by this machine's own name for itself. */
function originOf(listen: string): string {
  const host = listen.slice(0, listen.lastIndexOf(':'));
  const port = listen.slice(listen.lastIndexOf(':') + 1);
  return `http://${host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host}:${port}`;
}

/** `policy.yaml` in the data directory, where an operator put one. */
function readOverrides({ data }: Foundation): Readonly<Record<string, string>> {
  const file = join(data.path, 'policy.yaml');
  return existsSync(file) ? readPolicyFile(file) : {};
}
