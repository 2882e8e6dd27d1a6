// A storage backend in our words. The volume service on the backend's host uses this; each kind of backend has a folder
// beside this one (`volume-file`, `volume-rbd`) and a working model (`volume-memory`); `contract.test.ts` holds each to it.
// Every method may be repeated after a crash: what is done already is no error. All throw VolumeBackendError.
import type { Readable } from 'node:stream';

const GIB = 2 ** 30;

/** Bytes of a size in GiB, the unit of the volume API. */
export const bytesOf = (gib: number): number => gib * GIB;

/** What a backend has and can do, as its service reports it to the volume scheduler. Sizes in GiB. */
export interface BackendStats {
  readonly totalGb: number;
  readonly freeGb: number;
  /** What the volumes on it may grow to. */
  readonly provisionedGb: number;
  /** How many times `totalGb` may be promised. */
  readonly maxOverSubscriptionRatio: number;
  readonly thinProvisioning: boolean;
  readonly multiattach: boolean;
  /** Snapshots of several volumes can be taken at one moment: `createSnapshots` is there. Absent: not. */
  readonly consistentGroups?: boolean;
  /** Upstream's word for the protocol guests' disks speak: `nbd`, `ceph`, `simulated`. */
  readonly storageProtocol: string;
  readonly vendorName: string;
  readonly driverVersion: string;
  /** True for a model: whatever shows it must say so. */
  readonly simulated: boolean;
}

/** Who will use a volume: what `connector` of the attachments API holds. */
export interface Connector {
  readonly host: string;
  /** Address of the host on the storage network, where it has one. */
  readonly ip?: string;
  readonly initiator?: string;
  readonly os_type?: string;
  readonly platform?: string;
  /** `/dev/vdb` or null: chosen by who attaches. */
  readonly mountpoint?: string | null;
  readonly mode?: 'rw' | 'ro';
}

/** How a hypervisor reaches a volume: `connection_info` of an attachment. */
export type ConnectionInfo =
  | {
      readonly driver_volume_type: 'nbd';
      readonly data: {
        readonly export_name: string;
        /** One of the two: a socket on the connector's own host, or an address of the storage network. */
        readonly socket_path?: string;
        readonly host?: string;
        readonly port?: number;
        /** What guests trim is given back. */
        readonly discard?: boolean;
        readonly access_mode: 'rw' | 'ro';
        /** Bytes that the export has now. */
        readonly size: number;
      };
    }
  | {
      readonly driver_volume_type: 'rbd';
      readonly data: {
        /** `pool/image` */
        readonly name: string;
        readonly hosts: readonly string[];
        readonly ports: readonly string[];
        readonly cluster_name: string;
        readonly fsid: string;
        readonly auth_enabled: boolean;
        readonly auth_username: string;
        readonly secret_type: 'ceph';
        /** Id of the libvirt secret; the key itself is never here. */
        readonly secret_uuid: string;
        readonly volume_id: string;
        readonly discard: boolean;
        readonly access_mode: 'rw' | 'ro';
        readonly size: number;
      };
    }
  | {
      readonly driver_volume_type: 'simulated';
      readonly data: {
        readonly volume_id: string;
        /** Names the model that has it, as an address does for a real backend. */
        readonly store?: string;
        readonly access_mode: 'rw' | 'ro';
        readonly size: number;
      };
    };

/** What a new volume is filled with. */
export type VolumeSource =
  | { readonly kind: 'blank' }
  | { readonly kind: 'snapshot'; readonly volumeId: string; readonly snapshotId: string }
  | { readonly kind: 'volume'; readonly volumeId: string };

/** Where an image lies, for a backend that can clone it in place. */
export interface ImageLocation {
  readonly imageId: string;
  /** `rbd://fsid/pool/image/snap`, `file:///…` */
  readonly url: string;
  readonly diskFormat: string;
}

/** A contiguous range. `data` false: reads as zeros and takes no space. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly data: boolean;
}

/** The content of a volume or of a snapshot while it is open here. Offsets and lengths in bytes. */
export interface BlockAccess extends AsyncDisposable {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
  /** Refused when it was opened for reading. */
  write(offset: number, data: Buffer): Promise<void>;
  /** Reads as zeros after; takes no space where the backend can. */
  zero(offset: number, length: number): Promise<void>;
  /** What was written is safe from a loss of power when this resolves. */
  flush(): Promise<void>;
  /** Which parts hold data, in order, covering the whole. */
  extents(signal?: AbortSignal): AsyncIterable<Extent>;
}

/** What the backend holds: for the audit, which compares it with the database. */
export interface StoredVolume {
  readonly volumeId: string;
  readonly sizeGb: number;
  readonly snapshotIds: readonly string[];
}

export interface GroupMember {
  readonly volumeId: string;
  readonly snapshotId: string;
}

export interface VolumeDriver extends AsyncDisposable {
  stats(): Promise<BackendStats>;

  /**
   * Makes the volume, of `sizeGb` (at least the source's size), without copying data where the backend can.
   * @returns bytes that had to be copied: 0 for a clone.
   */
  createVolume(volumeId: string, sizeGb: number, source: VolumeSource): Promise<{ bytesCopied: number }>;
  /**
   * Clones an image where it lies, without copying. Undefined when this backend cannot reach that location or format:
   * the caller then makes a blank volume and writes the image into it.
   */
  cloneImage(
    volumeId: string,
    sizeGb: number,
    image: ImageLocation,
  ): Promise<{ bytesCopied: number } | undefined>;
  /** Volumes cloned from it live on. Refused with `busy` while it has snapshots or is connected. */
  deleteVolume(volumeId: string): Promise<void>;
  /** Also while it is connected; a guest's device grows when its hypervisor is told the new size after this. */
  extendVolume(volumeId: string, sizeGb: number): Promise<void>;

  /** Of the volume as it is now, also while it is connected. */
  createSnapshot(volumeId: string, snapshotId: string): Promise<void>;
  /** Of several volumes at one moment, also while they are connected. What is there by these ids goes before. */
  createSnapshots?(members: readonly GroupMember[]): Promise<void>;
  /** Volumes cloned from it live on. */
  deleteSnapshot(volumeId: string, snapshotId: string): Promise<void>;
  /** Gives the volume, with its snapshots, another id. Refused with `busy` while it is connected or open. */
  renameVolume(volumeId: string, to: string): Promise<void>;
  /** Gives the snapshot another id. */
  renameSnapshot(volumeId: string, snapshotId: string, to: string): Promise<void>;
  /** Puts the volume back to its newest snapshot. Refused with `busy` while it is connected. */
  revertToSnapshot(volumeId: string, snapshotId: string, sizeGb: number): Promise<void>;

  /** Makes the volume reachable for `connector` under this attachment; the same answer when repeated. */
  connect(
    volumeId: string,
    options: { readonly attachmentId: string; readonly connector: Connector; readonly mode: 'rw' | 'ro' },
  ): Promise<ConnectionInfo>;
  /** Ends it; the last one to go ends the export. Of what is not there, no error. */
  disconnect(volumeId: string, attachmentId: string): Promise<void>;
  /**
   * After a restart of the service or of a daemon of the backend: what is to be reachable, all of it. Makes what is missing
   * and ends what is too much.
   */
  restoreConnections(
    wanted: ReadonlyArray<{
      readonly volumeId: string;
      readonly attachmentId: string;
      readonly connector: Connector;
      readonly mode: 'rw' | 'ro';
    }>,
  ): Promise<void>;

  /** Opens content for image upload, backup and restore. Writing is for a volume that is not connected. */
  open(
    what: { readonly volumeId: string; readonly snapshotId?: string },
    mode: 'ro' | 'rw',
  ): Promise<BlockAccess>;

  /** Everything of ours on the backend. */
  list(): Promise<readonly StoredVolume[]>;
  /** Called when a daemon of the backend came back and connections must be restored. Returns a function that ends it. */
  onLost(listener: () => void): () => void;
}

/** The whole content as a stream of raw bytes, holes as zeros; constant memory. */
export type RawStream = (access: BlockAccess, signal?: AbortSignal) => Readable;
