// Starts one compute agent for each host of the world.
import { rpcClient } from '#platform/bus/bus.ts';
import { createImageClient } from '#platform/clients/image.ts';
import { createNetworkClient } from '#platform/clients/network.ts';
import { createVolumeClient } from '#platform/clients/volume.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import { createLocalCarrier } from '#drivers/disk-carrier/local.ts';
import { createConfigDriveWriter } from '#drivers/config-drive/real.ts';
import { startAgent } from '#compute/host/agent.ts';
import { Cancellations } from '#compute/host/cancellations.ts';
import { HOST_DEFAULTS, type HostConfig } from '#compute/host/config.ts';
import type { HostDeps } from '#compute/host/deps.ts';
import { createImageCache } from '#compute/host/image-cache.ts';
import { Transfers } from '#compute/host/moves/transfers.ts';
import { createFileRootDisks } from '#compute/host/root-disk/file.ts';
import { createMetadataServer } from '#compute/host/metadata/server.ts';
import { remoteSagaLog } from '#compute/host/remote-log.ts';
import { CONDUCTOR_QUEUE, type ConductorRpc } from '#compute/rpc.ts';
import { join } from 'node:path';
import { inProcessTransport } from '#platform/clients/transport.ts';
import type { Credentials } from './bootstrap/credentials.ts';
import type { Shared } from './services/context.ts';
import type { World, WorldHost } from './world.ts';

/** Resolves when every agent has reported its host and serves its queue. */
export async function startHosts(
  world: World,
  shared: Shared,
  credentials: Credentials,
  options: Partial<HostConfig> = {},
): Promise<AsyncDisposable> {
  const { serviceToken } = await shared.context('compute', credentials);
  const closing = new AbortController();
  const hosts = await world.hosts();
  const directories = new Map(hosts.map((host) => [host.name, host.dataDir]));
  const deps = hosts.map((host) => ({
    ...hostDeps(host, shared, serviceToken, closing.signal, options),
    diskCarrier: createLocalCarrier(host.name, (name) => directories.get(name)),
  }));
  const agents = await Promise.all(deps.map(startAgent));
  return {
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error('the agent is closing'));
      await Promise.all(agents.map(async (agent) => agent[Symbol.asyncDispose]()));
      await Promise.all(deps.map(async (each) => each.metadataPorts[Symbol.asyncDispose]()));
    },
  };
}

function hostDeps(
  host: WorldHost,
  shared: Shared,
  serviceToken: () => Promise<string>,
  signal: AbortSignal,
  options: Partial<HostConfig>,
): Omit<HostDeps, 'diskCarrier'> {
  const { bus, clock } = shared;
  const log = shared.log.child({ service: 'compute-agent', host: host.name });
  const conductor = rpcClient<ConductorRpc>(bus, CONDUCTOR_QUEUE);
  const metadata = createMetadataServer({ conductor, clock, log });
  const config: HostConfig = {
    ...HOST_DEFAULTS,
    host: host.name,
    dataDir: host.dataDir,
    accel: host.accel,
    simulated: host.simulated,
    guestsEndWithHypervisor: !host.sharedHypervisor,
    ...(host.resources ? { resources: host.resources } : {}),
    ...(host.diskGb === undefined ? {} : { diskGb: host.diskGb }),
    ...options,
  };
  return {
    config,
    clock,
    log,
    bus,
    conductor,
    sagaLog: remoteSagaLog(conductor),
    image: createImageClient(inProcessTransport(shared.app, '/image')),
    network: createNetworkClient(inProcessTransport(shared.app, '/network')),
    volume: createVolumeClient(inProcessTransport(shared.app, '/volume')),
    serviceToken,
    hypervisor: host.hypervisor,
    hostSwitch: host.hostSwitch,
    metadata,
    metadataPorts: host.metadataPorts(metadata.listener),
    configDrives: createConfigDriveWriter(),
    imageCache: createImageCache(join(host.dataDir, 'image-cache')),
    rootDisks: host.rootDisks ?? createFileRootDisks(config),
    instanceLocks: new KeyedMutex(),
    cancellations: new Cancellations(),
    transfers: new Transfers(),
    inject: host.inject,
    signal,
  };
}
