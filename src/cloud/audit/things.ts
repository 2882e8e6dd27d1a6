/**
 * What an audit of a cloud looks at: the things themselves, as their own programs show them, never through the cloud's
 * API. Read by read-things.ts, for a simulated cloud by src/sim; compared by compare*.ts.
 */
import type { StoredVolume } from '#drivers/volume/port.ts';
import type { Records } from './store.ts';

export interface Things {
  /** When they were read, milliseconds since the epoch. */
  readonly at: number;
  readonly records: Records;
  /** Absent: OVN could not be asked, because the cloud does not run. */
  readonly ovn?: OvnThings;
  readonly hosts: readonly HostThings[];
  readonly imageFiles: readonly ImageFile[];
  /** In the embedded store; absent where there is none. */
  readonly volumes?: readonly StoredVolumeThing[];
  /** Names in the backup store; undefined: it could not be looked at. */
  readonly backupSets: readonly string[] | undefined;
  /** Volumes, images and root disks are in Ceph, looked at or not. */
  readonly inCeph: boolean;
  /** Absent: nothing is in Ceph, or the cloud does not run. */
  readonly ceph?: CephThings;
}

export type StoredVolumeThing = Pick<StoredVolume, 'volumeId' | 'snapshotIds'>;

/** What the pools hold. */
export interface CephThings {
  readonly images: readonly ImageFile[];
  readonly volumes: readonly StoredVolume[];
  /** Servers of which there is a root disk. */
  readonly disks: readonly string[];
  readonly backupSets: readonly string[];
  /** `<server>_disk@<snapshot>` */
  readonly diskSnapshots: readonly string[];
}

export interface OvnThings {
  /** Network ids of the logical switches that are ours. */
  readonly switches: readonly string[];
  readonly routers: readonly string[];
  readonly switchPorts: readonly SwitchPortThing[];
  readonly portGroups: ReadonlyArray<{ readonly groupId: string; readonly portIds: readonly string[] }>;
  /** `subnet_id` or `port_id` that rows of DHCP options name. */
  readonly dhcpOptions: ReadonlyArray<{ readonly subnetId: string; readonly portId: string | undefined }>;
  readonly floatingIps: readonly string[];
  /** Ports and floating IPs that QoS rows say they are of. */
  readonly limits: readonly string[];
  readonly bindings: readonly BindingThing[];
}

export interface SwitchPortThing {
  readonly portId: string;
}

export interface BindingThing {
  readonly portId: string;
  /** The host name of the one that claims the port, which is what the services call the host. */
  readonly chassis: string | undefined;
  readonly up: boolean;
}

/** `undefined` parts could not be looked at. */
export interface HostThings {
  readonly name: string;
  readonly guests: readonly GuestThing[] | undefined;
  readonly interfaces: readonly InterfaceThing[] | undefined;
  /** Kernel devices named `tap…`. */
  readonly taps: readonly string[] | undefined;
  /** Guest ids on the command lines of emulators. */
  readonly emulators: ReadonlyArray<{ readonly pid: number; readonly id: string }> | undefined;
  /** First 13 characters of the ids of networks that have a metadata namespace. */
  readonly metadataNetworks: readonly string[] | undefined;
  /** Names in `instances/`, with the files in each. */
  readonly directories: ReadonlyArray<{ readonly name: string; readonly files: readonly string[] }>;
  /** Names in `run/` of the host. */
  readonly sockets: readonly string[];
  readonly savedMemory: readonly string[];
  readonly cacheFiles: readonly string[];
}

export interface GuestThing {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

/** A row of Open vSwitch that OVN may bind. */
export interface InterfaceThing {
  readonly name: string;
  readonly portId: string;
  /** Undefined for metadata's. */
  readonly serverId: string | undefined;
}

export interface ImageFile {
  readonly name: string;
  readonly bytes: number;
  /** Still being written, or left half-written. */
  readonly partial: boolean;
}
