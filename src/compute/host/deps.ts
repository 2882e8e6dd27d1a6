// What the compute agent works with. No database: the conductor has it. Made by src/cloud/assemble.ts, one a host.
import type { Bus, RpcClient } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import type { Log } from '#platform/log/log.ts';
import type { SagaLog } from '#platform/saga/saga.ts';
import type { ImageClient } from '#platform/clients/image.ts';
import type { NetworkClient } from '#platform/clients/network.ts';
import type { VolumeClient } from '#platform/clients/volume.ts';
import type { Hypervisor, StorageSecret } from '#drivers/libvirt/port.ts';
import type { MetadataPorts } from '#drivers/metadata-port/port.ts';
import type { DiskCarrier } from '#drivers/disk-carrier/port.ts';
import type { HostSwitch } from '#drivers/ovs/port.ts';
import type { ConductorRpc } from '../rpc.ts';
import type { Cancellations } from './cancellations.ts';
import type { HostConfig } from './config.ts';
import type { ImageCache } from './image-cache.ts';
import type { FaultInjector } from './inject.ts';
import type { Transfers } from './moves/transfers.ts';
import type { HostDisks } from './root-disk/port.ts';
import type { MetadataServer } from './metadata/server.ts';
import type { ConfigDriveWriter } from '#drivers/config-drive/port.ts';

export interface HostDeps {
  readonly config: HostConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly bus: Bus;
  readonly conductor: RpcClient<ConductorRpc>;
  readonly sagaLog: SagaLog;
  readonly image: ImageClient;
  readonly network: NetworkClient;
  readonly volume: VolumeClient;
  /** This host's own token (user nova): for what users may not do, and to vouch for forwarded tokens. */
  readonly serviceToken: () => Promise<string>;
  readonly hypervisor: Hypervisor;
  /** The key behind a disk's `secretId`, where this host has it. */
  readonly storageSecret?: (secretId: string) => Promise<StorageSecret | undefined>;
  readonly hostSwitch: HostSwitch;
  readonly metadataPorts: MetadataPorts;
  readonly metadata: MetadataServer;
  readonly configDrives: ConfigDriveWriter;
  readonly imageCache: ImageCache;
  readonly rootDisks: HostDisks;
  readonly diskCarrier: DiskCarrier;
  /** One operation at a time for each instance. */
  readonly instanceLocks: KeyedMutex;
  readonly cancellations: Cancellations;
  readonly transfers: Transfers;
  readonly inject: FaultInjector;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
}
