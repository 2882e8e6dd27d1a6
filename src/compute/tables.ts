// Row types of the compute database, which placement shares (one transaction for a claim, the host and the message). What one
// resource's folder keeps has its row type there, in a `tables.ts`. Only `store.ts` files name these tables. Times are ISO 8601
// text, booleans 0/1, `*_json` columns hold JSON text.
import type { OutboxTables } from '#platform/bus/outbox.ts';
import type { SagaTables } from '#platform/saga/sql-log.ts';
import type { AggregateRow, AggregateHostRow } from './aggregates/tables.ts';
import type { ConsoleTokenRow } from './consoles/tables.ts';
import type { FlavorRow, FlavorAccessRow } from './flavors/tables.ts';
import type { ComputeNodeRow } from './hypervisors/tables.ts';
import type { KeypairRow } from './keypairs/tables.ts';
import type { PendingImageRow } from './pending-images/tables.ts';
import type { QuotaLimitRow } from './quota-sets/tables.ts';
import type { ServerGroupRow } from './server-groups/tables.ts';
import type { MigrationRow } from './server-migrations/tables.ts';
import type { ComputeServiceRow } from './services/tables.ts';

export type VmState =
  | 'building'
  | 'active'
  | 'stopped'
  | 'paused'
  | 'suspended'
  | 'rescued'
  | 'resized'
  | 'shelved'
  | 'shelved_offloaded'
  | 'soft-delete'
  | 'error'
  | 'deleted';

/** libvirt's and nova's numbers. */
export const POWER_STATE = {
  nostate: 0,
  running: 1,
  paused: 3,
  shutdown: 4,
  crashed: 6,
  suspended: 7,
} as const;
export type PowerState = (typeof POWER_STATE)[keyof typeof POWER_STATE];

export type TaskState =
  | 'scheduling'
  | 'block_device_mapping'
  | 'networking'
  | 'spawning'
  | 'powering-on'
  | 'powering-off'
  | 'rebooting'
  | 'reboot_started_hard'
  | 'rebooting_hard'
  | 'pausing'
  | 'unpausing'
  | 'suspending'
  | 'resuming'
  | 'rebuilding'
  | 'rebuild_spawning'
  | 'image_snapshot'
  | 'image_backup'
  | 'image_uploading'
  | 'rescuing'
  | 'unrescuing'
  | 'shelving'
  | 'shelving_image_pending_upload'
  | 'shelving_image_uploading'
  | 'shelving_offloading'
  | 'unshelving'
  | 'soft-deleting'
  | 'restoring'
  | 'resize_prep'
  | 'resize_migrating'
  | 'resize_migrated'
  | 'resize_finish'
  | 'resize_reverting'
  | 'migrating'
  | 'deleting';

/** The flavor as it was when the instance was made: later changes to the flavor do not reach it. */
export interface FlavorSnapshot {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  /** MiB */
  readonly ram: number;
  /** GiB */
  readonly disk: number;
  /** GiB */
  readonly ephemeral: number;
  /** MiB */
  readonly swap: number;
  readonly rxtx_factor: number;
  readonly extra_specs: Readonly<Record<string, string>>;
}

/** One entry of the request's `networks`, resolved by the API as far as it can be without side effects. */
export type RequestedNetwork =
  | {
      readonly kind: 'network';
      readonly network_id: string;
      readonly fixed_ip?: string;
      readonly tag?: string;
    }
  | { readonly kind: 'port'; readonly port_id: string; readonly tag?: string };
/** `auto`: one network if there is just one, or the project's auto-allocated one; `none`: no network. */
export type NetworkRequest = 'auto' | 'none' | readonly RequestedNetwork[];

/** What a port asks of the host of its server: one group of its `resource_request`. */
export interface PortRequest {
  readonly port_id: string;
  /** The group's. */
  readonly id: string;
  readonly resources: Readonly<Record<string, number>>;
  /** Traits that the provider of all of it must have. */
  readonly required: readonly string[];
}

/** A virtual interface as the instance entry keeps it: what `addresses` and the metadata service show. */
export interface Vif {
  readonly port_id: string;
  readonly network_id: string;
  readonly network_label: string;
  readonly mac: string;
  readonly mtu: number;
  /** tap device on the host, 15 characters at most */
  readonly devname: string;
  readonly active: boolean;
  /** True when compute made the port and removes it with the instance. */
  readonly owned: boolean;
  readonly tag?: string;
  readonly fixed_ips: ReadonlyArray<{
    readonly address: string;
    readonly version: 4 | 6;
    readonly subnet_id: string;
    readonly cidr: string;
    readonly gateway: string | null;
    readonly dns: readonly string[];
    /** none for v4: `dhcp`; v6: `slaac`, `dhcpv6-stateful`, `dhcpv6-stateless`, or null when nothing configures it */
    readonly mode: string | null;
    readonly routes: ReadonlyArray<{ readonly destination: string; readonly nexthop: string }>;
    readonly floating_ips: readonly string[];
  }>;
}

export interface Fault {
  readonly code: number;
  readonly message: string;
  /** For administrators only. */
  readonly details: string;
  readonly created: string;
}

export interface InstanceRow {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  hostname: string;
  vm_state: VmState;
  task_state: TaskState | null;
  power_state: number;
  host: string | null;
  node: string | null;
  /** The zone it runs in; before that the zone asked for. */
  availability_zone: string | null;
  requested_zone: string | null;
  /** `--availability-zone zone:host` by an administrator, or 2.74's host. */
  requested_host: string | null;
  flavor_id: string;
  flavor_json: string;
  image_id: string | null;
  kernel_id: string | null;
  ramdisk_id: string | null;
  /** Properties of the image at launch: hw_*, os_*, min_disk … */
  image_json: string;
  root_device_name: string;
  key_name: string | null;
  public_key: string | null;
  key_type: string | null;
  /** base64, as the request had it */
  user_data: string | null;
  config_drive: number;
  /** Only until the launch has ended. */
  admin_password: string | null;
  metadata_json: string;
  system_metadata_json: string;
  scheduler_hints_json: string;
  server_group_id: string | null;
  networks_json: string;
  /** PortRequest[] */
  port_requests_json: string;
  /** Names or ids as the request had them. */
  security_groups_json: string;
  /** Vif[] */
  vifs_json: string;
  disk_config: 'AUTO' | 'MANUAL';
  access_ip_v4: string | null;
  access_ip_v6: string | null;
  locked: number;
  locked_reason: string | null;
  locked_by: 'admin' | 'owner' | null;
  progress: number;
  fault_json: string | null;
  reservation_id: string;
  launch_index: number;
  created_at: string;
  updated_at: string | null;
  launched_at: string | null;
  terminated_at: string | null;
  deleted: number;
  deleted_at: string | null;
}

/** A disk of a server; the root disk on the host that an image makes has none. */
export interface BlockDeviceRow {
  id: string;
  instance_id: string;
  /**
   * `reserving`: the request that wants it has not committed yet; one that stays so belongs to a request that died.
   * `swapping`: its volume takes the place of another's while an action swaps them, and is given up when that has ended.
   * `kept`: it is the server's. When the server is deleted, the row stays until its volume is free again.
   */
  state: 'reserving' | 'swapping' | 'kept';
  source_type: 'blank' | 'image' | 'snapshot' | 'volume';
  destination_type: 'local' | 'volume';
  /** Null on the host, and until the launch has made the volume. */
  volume_id: string | null;
  snapshot_id: string | null;
  image_id: string | null;
  /** GiB; MiB of a swap disk. */
  volume_size: number | null;
  volume_type: string | null;
  /** 0 is the root disk, -1 is not booted from. */
  boot_index: number;
  delete_on_termination: number;
  /** `/dev/vdb` */
  device_name: string;
  tag: string | null;
  disk_bus: string | null;
  device_type: 'disk' | 'cdrom';
  /** `swap`, or the file system of an ephemeral disk. */
  guest_format: string | null;
  /** 1: the launch made the volume, and takes it away when it fails. */
  made: number;
  /** 1: other servers may have the volume too. */
  multiattach: number;
  attachment_id: string | null;
  /** Without secrets: `connection_info` of the attachment. */
  connection_json: string | null;
  created_at: string;
  updated_at: string | null;
}

export interface InstanceTagRow {
  instance_id: string;
  tag: string;
}

/** An action on an instance is a saga; `id` is the saga's id, its steps are the action's events. */
export interface InstanceActionRow {
  id: string;
  instance_id: string;
  /** Upstream's word: create, delete, start, stop, reboot, pause … */
  action: string;
  request_id: string;
  user_id: string;
  project_id: string;
  message: string | null;
  state: 'running' | 'done' | 'failed';
  /** Host it runs on, once known. */
  host: string | null;
  attempt: number;
  /** The upper bound: past it the operation is unwound or failed. */
  deadline_at: string;
  /** 1 when it is not wanted any more (the instance is being deleted). */
  cancelled: number;
  /** Evidence of hops 1 to 3 that happened before the saga began, as JSON. */
  request_json: string;
  traceparent: string;
  started_at: string;
  finished_at: string | null;
}

export interface ComputeTables extends OutboxTables, SagaTables {
  instances: InstanceRow;
  instance_tags: InstanceTagRow;
  block_devices: BlockDeviceRow;
  instance_actions: InstanceActionRow;
  compute_services: ComputeServiceRow;
  compute_nodes: ComputeNodeRow;
  flavors: FlavorRow;
  flavor_access: FlavorAccessRow;
  keypairs: KeypairRow;
  aggregates: AggregateRow;
  aggregate_hosts: AggregateHostRow;
  server_groups: ServerGroupRow;
  quota_limits: QuotaLimitRow;
  console_tokens: ConsoleTokenRow;
  pending_images: PendingImageRow;
  migrations: MigrationRow;
}
