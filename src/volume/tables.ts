// Row types of the volume database. Only `store.ts` files name these tables. Times are ISO 8601 text, booleans 0/1,
// `*_json` columns hold JSON text, sizes are GiB unless a name says otherwise.
import type { OutboxTables } from '#platform/bus/outbox.ts';
import type { SagaTables } from '#platform/saga/sql-log.ts';

/**
 * What is being done with the volume itself. `status` as clients see it is derived: while this is `available`, the
 * volume's attachments decide (reserved, attaching, in-use, detaching), so that the two cannot disagree.
 */
export type VolumeLifecycle =
  | 'creating'
  | 'downloading'
  | 'available'
  | 'extending'
  | 'uploading'
  | 'backing-up'
  | 'restoring-backup'
  | 'retyping'
  | 'reverting'
  | 'maintenance'
  | 'awaiting-transfer'
  | 'managing'
  | 'deleting'
  | 'error'
  | 'error_deleting'
  | 'error_extending'
  | 'error_restoring'
  | 'error_managing';

export interface VolumeRow {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  size: number;
  lifecycle: VolumeLifecycle;
  /** Why the lifecycle is an error; shown through messages. */
  fault: string | null;
  /** Status that an administrator set over the derived one (`os-reset_status`); null as a rule. */
  forced_status: string | null;
  volume_type_id: string | null;
  availability_zone: string;
  /** `host@backend#pool`, once scheduled. */
  host: string | null;
  bootable: number;
  multiattach: number;
  /** 1: what the backend has is LUKS, and there is a key whose owner it is. */
  encrypted: number;
  /** Only readers may attach. */
  readonly: number;
  snapshot_id: string | null;
  source_volid: string | null;
  image_id: string | null;
  /** Backup that it was or is being restored from. */
  backup_id: string | null;
  scheduler_hints_json: string;
  /** Bytes that were copied when it was filled; 0 for a clone. Null until it is there. */
  bytes_copied: number | null;
  /** How the scheduler chose: filters and weights per backend. For the launch record and administrators. */
  placement_json: string | null;
  migration_status: string | null;
  created_at: string;
  updated_at: string | null;
  launched_at: string | null;
}

export interface VolumeMetadataRow {
  volume_id: string;
  key: string;
  value: string;
}

/** Properties of the image that the volume was made from. */
export interface VolumeImageMetadataRow {
  volume_id: string;
  key: string;
  value: string;
}

export type AttachmentStatus = 'reserved' | 'attaching' | 'attached' | 'detaching';

/** The only truth about who uses a volume. A row that is gone is a detached volume. */
export interface AttachmentRow {
  id: string;
  volume_id: string;
  project_id: string;
  /** The server; null for a reservation without one. */
  instance_id: string | null;
  status: AttachmentStatus;
  mode: 'rw' | 'ro';
  /** Connector that it is exported to; null while only reserved. */
  connector_json: string | null;
  /** ConnectionInfo without secrets. */
  connection_json: string | null;
  mountpoint: string | null;
  attached_host: string | null;
  attached_at: string | null;
  created_at: string;
  updated_at: string | null;
}

export interface SnapshotRow {
  id: string;
  volume_id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  /** Of the volume when it was taken. */
  volume_size: number;
  status:
    | 'creating'
    | 'available'
    | 'backing-up'
    | 'deleting'
    | 'error'
    | 'error_deleting'
    | 'restoring'
    | 'unmanaging';
  progress: string;
  volume_type_id: string | null;
  /** 1: made by the service itself for a clone, a backup or an upload of a volume in use; not shown, not counted. */
  internal: number;
  fault: string | null;
  created_at: string;
  updated_at: string | null;
}

export interface SnapshotMetadataRow {
  snapshot_id: string;
  key: string;
  value: string;
}

export interface VolumeTypeRow {
  id: string;
  name: string;
  description: string | null;
  is_public: number;
  qos_specs_id: string | null;
  created_at: string;
  updated_at: string | null;
}

export interface VolumeTypeExtraSpecRow {
  volume_type_id: string;
  key: string;
  value: string;
}

export interface VolumeTypeAccessRow {
  volume_type_id: string;
  project_id: string;
}

/** The encryption that a type asks for. */
export interface VolumeTypeEncryptionRow {
  volume_type_id: string;
  id: string;
  provider: string;
  cipher: string | null;
  /** Bits. */
  key_size: number | null;
  control_location: 'front-end' | 'back-end';
  created_at: string;
  updated_at: string | null;
}

/** What opens an encrypted volume, wrapped with the service's master key. It comes and goes with its owner. */
export interface EncryptionKeyRow {
  id: string;
  /** A volume, a backup, or `next-of-` a volume that is being encrypted anew. */
  owner_id: string;
  wrapped: string;
  created_at: string;
}

/** The default type of a project (3.62). */
export interface DefaultTypeRow {
  project_id: string;
  volume_type_id: string;
}

export interface QosSpecsRow {
  id: string;
  name: string;
  consumer: 'front-end' | 'back-end' | 'both';
  specs_json: string;
  created_at: string;
}

export interface TransferRow {
  id: string;
  volume_id: string;
  project_id: string;
  name: string | null;
  /** Hash of the auth key; the key is told once. */
  key_hash: string;
  key_salt: string;
  no_snapshots: number;
  source_project_id: string;
  destination_project_id: string | null;
  accepted: number;
  created_at: string;
}

export interface BackupRow {
  id: string;
  project_id: string;
  user_id: string;
  volume_id: string;
  /** Set when a snapshot was backed up. */
  snapshot_id: string | null;
  name: string | null;
  description: string | null;
  status: 'creating' | 'available' | 'deleting' | 'restoring' | 'error' | 'error_deleting';
  fail_reason: string | null;
  size: number;
  container: string;
  /** Set of objects in the backup store; the id of the backup, unless its record was imported under another one. */
  data_id: string;
  /** Backup that this one holds the changes against. */
  parent_id: string | null;
  /** When the data was as it is in the backup. */
  data_timestamp: string;
  /** Blocks of the store and their checksums: what restore and the next incremental read. */
  object_count: number;
  bytes_stored: number;
  service_host: string | null;
  availability_zone: string | null;
  metadata_json: string;
  restore_volume_id: string | null;
  /** Of its own: it opens what it opened when the backup was made, whatever becomes of the volume. Null: not encrypted. */
  encryption_key_id: string | null;
  created_at: string;
  updated_at: string | null;
}

/** A volume service, a scheduler or a backup service as `os-services` shows it. */
export interface VolumeServiceRow {
  id: string;
  /** `host@backend` for a volume service, `host` for the others. */
  host: string;
  binary: 'cinder-volume' | 'cinder-scheduler' | 'cinder-backup';
  availability_zone: string;
  disabled: number;
  disabled_reason: string | null;
  frozen: number;
  /** BackendStats of each pool and more, as last reported: `BackendReport` of rpc.ts. Null for schedulers. */
  report_json: string | null;
  /** `<cluster>@<backend>`; null for what is in none. */
  cluster_name: string | null;
  last_seen_at: string;
  created_at: string;
  updated_at: string | null;
}

/** Volume services of one backend on several hosts, switched on and off together. Made by its first member. */
export interface VolumeClusterRow {
  /** `<cluster>@<backend>` */
  name: string;
  binary: 'cinder-volume';
  disabled: number;
  disabled_reason: string | null;
  frozen: number;
  created_at: string;
  updated_at: string | null;
}

/** A limit of a project (`project:<id>`) or of a class (`class:default`). */
export interface VolumeQuotaRow {
  scope: string;
  /** `volumes`, `gigabytes`, `snapshots`, `backups`, `backup_gigabytes`, `per_volume_gigabytes`, `groups`, `volumes_<type>` … */
  resource: string;
  hard_limit: number;
}

/** Why something failed, in words for its owner. */
export interface MessageRow {
  id: string;
  project_id: string;
  request_id: string;
  event_id: string;
  resource_type: string;
  resource_id: string | null;
  message_level: 'ERROR';
  user_message: string;
  detail_id: string;
  action_id: string;
  created_at: string;
  guaranteed_until: string;
}

/** A long operation on a volume, snapshot or backup: a saga; `id` is the saga's id. */
export interface VolumeOperationRow {
  id: string;
  /** What it is about. */
  resource_type: 'volume' | 'snapshot' | 'backup';
  resource_id: string;
  /** `create`, `delete`, `extend`, `upload` … */
  operation: string;
  request_id: string;
  user_id: string;
  project_id: string;
  state: 'running' | 'done' | 'failed';
  /** Queue that it runs on, once known. */
  host: string | null;
  attempt: number;
  /** The upper bound: past it the operation is unwound or failed. */
  deadline_at: string;
  cancelled: number;
  message: string | null;
  started_at: string;
  finished_at: string | null;
}

export interface GroupTypeRow {
  id: string;
  name: string;
  description: string | null;
  is_public: number;
  created_at: string;
  updated_at: string | null;
}

export interface GroupTypeSpecRow {
  group_type_id: string;
  key: string;
  value: string;
}

/** Volumes that are snapshotted, cloned and deleted together. */
export interface GroupRow {
  id: string;
  project_id: string;
  user_id: string;
  /** Of the request that made it: what is undone later is recorded under it. */
  request_id: string;
  name: string | null;
  description: string | null;
  status: 'creating' | 'available' | 'deleting' | 'error' | 'error_deleting' | 'updating';
  fault: string | null;
  group_type_id: string;
  availability_zone: string;
  group_snapshot_id: string | null;
  source_group_id: string | null;
  created_at: string;
  updated_at: string | null;
}

/** Types that the volumes of a group may have. */
export interface GroupVolumeTypeRow {
  group_id: string;
  volume_type_id: string;
}

/** A volume is in one group at most. */
export interface GroupMemberRow {
  group_id: string;
  volume_id: string;
}

export interface GroupSnapshotRow {
  id: string;
  group_id: string;
  project_id: string;
  user_id: string;
  request_id: string;
  name: string | null;
  description: string | null;
  status: 'creating' | 'available' | 'deleting' | 'error' | 'error_deleting';
  fault: string | null;
  group_type_id: string;
  created_at: string;
  updated_at: string | null;
}

export interface GroupSnapshotMemberRow {
  group_snapshot_id: string;
  snapshot_id: string;
}

export interface VolumeTables extends OutboxTables, SagaTables {
  volumes: VolumeRow;
  volume_metadata: VolumeMetadataRow;
  volume_image_metadata: VolumeImageMetadataRow;
  attachments: AttachmentRow;
  snapshots: SnapshotRow;
  snapshot_metadata: SnapshotMetadataRow;
  volume_types: VolumeTypeRow;
  volume_type_extra_specs: VolumeTypeExtraSpecRow;
  volume_type_access: VolumeTypeAccessRow;
  volume_type_encryption: VolumeTypeEncryptionRow;
  encryption_keys: EncryptionKeyRow;
  default_types: DefaultTypeRow;
  qos_specs: QosSpecsRow;
  transfers: TransferRow;
  backups: BackupRow;
  volume_services: VolumeServiceRow;
  volume_clusters: VolumeClusterRow;
  volume_quotas: VolumeQuotaRow;
  messages: MessageRow;
  operations: VolumeOperationRow;
  group_types: GroupTypeRow;
  group_type_specs: GroupTypeSpecRow;
  volume_groups: GroupRow;
  group_volume_types: GroupVolumeTypeRow;
  group_members: GroupMemberRow;
  group_snapshots: GroupSnapshotRow;
  group_snapshot_members: GroupSnapshotMemberRow;
}
