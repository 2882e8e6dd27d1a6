// The world that the services act on: real programs of the ground, or the models of src/sim. Same shape for both.
import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '#platform/auth/principal.ts';
import type { Hypervisor } from '#drivers/libvirt/port.ts';
import { guestSecret } from '#drivers/rbd/connection.ts';
import { LibvirtHypervisor } from '#drivers/libvirt/real.ts';
import type { MetadataListener, MetadataPorts } from '#drivers/metadata-port/port.ts';
import { createMetadataPorts } from '#drivers/metadata-port/real.ts';
import type { HostSwitch } from '#drivers/ovs/port.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { createOvsSwitch } from '#drivers/ovs/real.ts';
import type { HostDisks } from '#compute/host/root-disk/port.ts';
import type { FaultInjector } from '#compute/host/inject.ts';
import { noFaults } from '#compute/host/inject.ts';
import type { NetworkConfig } from '#network/config.ts';
import type { NorthboundAccess, RunningNorthbound } from '#network/service.ts';
import { createNorthbound } from '#network/ovn/northbound.ts';
import { join } from 'node:path';
import type { DataDirectory } from './data-directory.ts';
import type { Ground, GroundHost, GroundProvider } from './ground-options.ts';
import type { Shared } from './services/context.ts';
import { PHYSNET } from './steps/host-switch.ts';
import { northboundSocket, southboundSocket } from './steps/ovn-databases.ts';
import { cephBackend, cephDisks, recordCeph } from './storage.ts';
import type { Foundation } from './up.ts';
import { fileBackends } from './volume-backends.ts';

/** One host's programs, and what the agent must know of it. */
export interface WorldHost {
  readonly name: string;
  readonly accel: 'kvm' | 'tcg';
  readonly dataDir: string;
  readonly simulated: boolean;
  readonly resources?: { readonly vcpus: number; readonly memoryMb: number; readonly diskGb: number };
  /** GiB for root disks where they are not in the host's files. */
  readonly diskGb?: number;
  /** Absent: in the host's files. */
  readonly rootDisks?: HostDisks;
  readonly hypervisor: Hypervisor;
  /** The hypervisor is the machine's: it may be started again while its guests run on. */
  readonly sharedHypervisor?: boolean;
  readonly hostSwitch: HostSwitch;
  readonly inject: FaultInjector;
  metadataPorts(listener: MetadataListener): MetadataPorts;
}

/** A storage backend of the world: a volume service runs for each, as `host@name`. */
export interface WorldVolumeBackend {
  /** The storage host, whose daemons the driver talks to. */
  readonly host: string;
  /** `file`, `rbd`: also the pool's name. */
  readonly name: string;
  readonly availabilityZone: string;
  /** Closed with the world. */
  readonly driver: VolumeDriver;
}

export interface World extends AsyncDisposable {
  readonly simulated: boolean;
  readonly network: NetworkConfig;
  /** The network service's link to OVN. Its databases may not answer yet. */
  connectOvn(access: NorthboundAccess): Promise<RunningNorthbound>;
  /** Resolves when the hosts' programs answer. */
  hosts(): Promise<readonly WorldHost[]>;
  /** Resolves when the backends answer. */
  volumeBackends(): Promise<readonly WorldVolumeBackend[]>;
  provider(): Promise<Pick<GroundProvider, 'physnet' | 'cidr' | 'gatewayIp'>>;
  /** Resolves when the packages for building the demo image are installed; simulated: never needed. */
  packagesReady(): Promise<void>;
  /** Routes of the world's own, beside those of the services. */
  mount?(app: FastifyInstance, authenticator: Authenticator): Promise<void>;
}

export async function worldOf(foundation: Foundation, shared: Shared): Promise<World> {
  const { ground, data } = foundation;
  if (!ground) return (await import('#sim/world.ts')).simulatedWorld(foundation, shared);
  const owned: AsyncDisposable[] = [];
  let hosts: Promise<readonly WorldHost[]> | undefined;
  let backends: Promise<readonly WorldVolumeBackend[]> | undefined;
  // Where the machine's OVN is and what it calls the provider's network is found out by the ground, which has little else
  // to do then; of a private one both are known before it stands.
  const machine = foundation.network === 'system' ? await ground : undefined;
  return {
    simulated: false,
    network: { physicalNetworks: [{ name: machine?.provider.physnet ?? PHYSNET }] },
    connectOvn: async ({ db, config: { dnsDomain }, context: { bus, clock, log } }) =>
      createNorthbound({
        db,
        nbEndpoint: machine?.nb ?? `unix:${northboundSocket(data)}`,
        sbEndpoint: machine?.sb ?? `unix:${southboundSocket(data)}`,
        bus,
        clock,
        log,
        config: { dnsDomain },
      }),
    hosts: async () => (hosts ??= realHosts(ground, owned, data)),
    volumeBackends: async () => (backends ??= realVolumeBackends(foundation, ground, owned)),
    provider: async () => (await ground).provider,
    packagesReady: async () => void (await ground),
    [Symbol.asyncDispose]: async () => {
      for (const each of owned.toReversed()) await each[Symbol.asyncDispose]();
    },
  };
}

async function realVolumeBackends(
  { data }: Foundation,
  ground: Promise<Ground>,
  owned: AsyncDisposable[],
): Promise<readonly WorldVolumeBackend[]> {
  const standing = await ground;
  return standing.ceph ? [cephBackend(standing, owned)] : fileBackends(standing, data, owned);
}

async function realHosts(
  ground: Promise<Ground>,
  owned: AsyncDisposable[],
  data: DataDirectory,
): Promise<readonly WorldHost[]> {
  const standing = await ground;
  await standing.hypervisorsReady;
  if (standing.ceph) recordCeph(data, standing.ceph);
  const shared = standing.ceph ? await cephDisks(standing.ceph) : {};
  return standing.hosts.map((host) => ({ ...realHost(host, standing, owned, data.prefix), ...shared }));
}

function realHost(host: GroundHost, { ceph }: Ground, owned: AsyncDisposable[], prefix: string): WorldHost {
  const { socket, shared } = host.libvirt;
  // The machine's switch is what is in no namespace of ours.
  const mark = host.netns === undefined ? { cloud: prefix } : {};
  const hypervisor = new LibvirtHypervisor({
    address: { path: socket },
    savedMemoryDir: join(host.dirs.top, 'saved'),
    ...(shared ? { sharedAs: prefix } : {}),
    ...(ceph ? { secrets: [guestSecret(ceph)] } : {}),
  });
  const hostSwitch = createOvsSwitch({
    endpoint: host.ovs,
    netns: host.netns,
    integrationBridge: host.integrationBridge,
    datapath: host.datapath,
    rundir: host.rundir,
    ...mark,
  });
  owned.push(hypervisor, hostSwitch);
  // The machine's libvirt stays: what it was given goes.
  if (ceph && shared)
    owned.push({
      [Symbol.asyncDispose]: async () => hypervisor.removeSecret(ceph.secretId).catch(() => undefined),
    });
  return {
    name: host.name,
    accel: host.accel,
    dataDir: host.dirs.top,
    simulated: false,
    hypervisor,
    sharedHypervisor: shared,
    hostSwitch,
    inject: noFaults,
    metadataPorts: (listener) =>
      createMetadataPorts({
        ovs: host.ovs,
        netns: host.netns,
        integrationBridge: host.integrationBridge,
        datapath: host.datapath,
        prefix: `${prefix}-${host.name}`,
        ...mark,
        listener,
      }),
  };
}
