// The queues of the volume service and what can be asked on them: the contract between API, scheduler and the volume
// services, one a backend. Arguments and results are plain JSON. Every method is idempotent: a message can come twice.
import type { LevelName } from '#platform/log/log-levels.ts';
import type { BackendStats, ConnectionInfo, Connector, StoredVolume } from '#drivers/volume/port.ts';

export const VOLUME_SCHEDULER_QUEUE = 'volume-scheduler';
/** The queue of one scheduler alone. */
export const volumeSchedulerQueue = (host: string): string => `volume-scheduler.${host}`;
/** The queue of the volume service of `host@backend`. */
export const volumeQueue = (hostAtBackend: string): string => `volume.${hostAtBackend}`;
/** Fanout topic: payload is `VolumeChanged`. A nudge; the state is asked for. */
export const VOLUME_CHANGED = 'volume.changed';

export interface VolumeChanged {
  readonly resource: 'volume' | 'snapshot' | 'backup' | 'attachment';
  readonly id: string;
}

/** Names an operation (a saga) on a volume. */
export interface VolumeOperationRef {
  readonly operation_id: string;
  readonly volume_id: string;
}

export interface CreateVolumeMessage extends VolumeOperationRef {
  /** 1, and one more for each backend tried. */
  readonly attempt: number;
  /** Forwarded so that the image service acts on the user's behalf. Secret; null when no image is needed. */
  readonly user_token: string | null;
}

/** Which interrupted operations are to be ended. */
export interface CleanUpMessage {
  /** Of the volume service `host@backend`; null: of none yet, as no backend was chosen. */
  readonly host: string | null;
  readonly resource_type: 'volume' | 'snapshot' | null;
  readonly resource_id: string | null;
  /** Begun until then: what is asked for later is none of the caller's. */
  readonly until: string;
}

/** What every service of this one can be asked by operators, on its own queue. */
export type ServiceRpc = {
  setLogLevels(args: { readonly prefix: string; readonly level: LevelName }): void;
  /** Name → level. A call. */
  getLogLevels(args: { readonly prefix: string }): Readonly<Record<string, string>>;
  /** Ends operations that nobody works on any more. */
  cleanUp(args: CleanUpMessage): void;
};

export type VolumeSchedulerRpc = Pick<ServiceRpc, 'cleanUp'> & {
  /**
   * Chooses a backend, and in one transaction writes it into the volume and stores the message that creates it there; or
   * ends the operation with the reason why no backend fits.
   */
  selectBackend(args: CreateVolumeMessage & { readonly exclude: readonly string[] }): void;
};

/** What a volume service tells of its backend, at its start and every few seconds. */
export interface BackendReport {
  /** `host@backend` */
  readonly host: string;
  readonly availability_zone: string;
  readonly pools: ReadonlyArray<BackendStats & { readonly name: string }>;
  readonly simulated: boolean;
}

/** Takes snapshots of several volumes of one backend at one moment. */
export interface GroupSnapshotMessage {
  readonly members: ReadonlyArray<VolumeOperationRef & { readonly snapshot_id: string }>;
}

/** Moves a volume between backends. Sent to the destination's queue. */
export interface MigrateVolumeMessage extends VolumeOperationRef {
  /** `host@backend` that has it. */
  readonly source: string;
  /** `host@backend#pool` where it goes. */
  readonly destination: string;
  /** For a retype: what it is of then. Null: as it is. */
  readonly new_type: NewTypeMessage | null;
}

export interface NewTypeMessage {
  readonly id: string;
  readonly multiattach: boolean;
  /** Encrypted otherwise than before, or from now on, or not any more; null: as before. Its next key is in the database. */
  readonly encryption: 'luks' | 'none' | null;
}

export type VolumeServiceRpc = ServiceRpc & {
  createVolume(args: CreateVolumeMessage): void;
  deleteVolume(args: VolumeOperationRef): void;
  /** `old_size`: what the volume has again when it fails. */
  extendVolume(args: VolumeOperationRef & { readonly new_size: number; readonly old_size: number }): void;
  createSnapshot(args: VolumeOperationRef & { readonly snapshot_id: string }): void;
  createGroupSnapshot(args: GroupSnapshotMessage): void;
  deleteSnapshot(args: VolumeOperationRef & { readonly snapshot_id: string }): void;
  revertToSnapshot(args: VolumeOperationRef & { readonly snapshot_id: string }): void;
  /** Uploads the volume into the image `image_id`, which the API has made and queued. */
  uploadVolume(
    args: VolumeOperationRef & {
      readonly image_id: string;
      readonly disk_format: string;
      readonly user_token: string;
    },
  ): void;
  /** Writes an image over the volume. */
  reimageVolume(args: VolumeOperationRef & { readonly image_id: string; readonly user_token: string }): void;
  createBackup(args: VolumeOperationRef & { readonly backup_id: string }): void;
  restoreBackup(args: VolumeOperationRef & { readonly backup_id: string }): void;
  deleteBackup(args: VolumeOperationRef & { readonly backup_id: string }): void;
  /** Copies the volume on its backend, in its new encryption. */
  reencryptVolume(args: VolumeOperationRef & { readonly new_type: NewTypeMessage }): void;
  /** The last step of that: the copy `copy_id` takes the volume's place. */
  adoptCopy(args: { readonly volume_id: string; readonly copy_id: string }): void;
  /** Everything that the backend holds, also what the database does not know. A call. */
  listStored(args: Readonly<Record<string, never>>): readonly StoredVolume[];
  /** Gives what the backend has as `source_id` the volume's id. */
  manageVolume(args: VolumeOperationRef & { readonly source_id: string }): void;
  manageSnapshot(
    args: VolumeOperationRef & { readonly snapshot_id: string; readonly source_id: string },
  ): void;
  /** Exports the volume for the attachment's connector. A call: the API answers its client with the connection. */
  connect(args: {
    readonly volume_id: string;
    readonly attachment_id: string;
    readonly connector: Connector;
    readonly mode: 'rw' | 'ro';
  }): ConnectionInfo;
  disconnect(args: { readonly volume_id: string; readonly attachment_id: string }): void;
  /** To the destination: copies the volume from its backend to this one, and makes this one its backend. */
  migrateVolume(args: MigrateVolumeMessage): void;
  /** To the source: exports the volume, for reading, to the destination's service. A call. */
  exportForMigration(args: VolumeOperationRef & { readonly connector: Connector }): ConnectionInfo;
  endMigrationExport(args: VolumeOperationRef): void;
  /** Removes what this backend holds of a volume that is elsewhere; nothing when the volume is, or is coming, here. */
  removeStrayCopy(args: { readonly volume_id: string }): void;
};
