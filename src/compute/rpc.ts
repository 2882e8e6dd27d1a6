// The queues of compute and what can be asked on them: the contract between API, scheduler, conductor and agents.
// Arguments and results are plain JSON. Every method is idempotent: a message can come twice.
import type { Delivery } from '#platform/bus/bus.ts';
import type { MigrationProgress } from '#drivers/libvirt/port.ts';
import type { StepRecord } from '#platform/saga/saga.ts';
import type { Rescue } from './system-metadata.ts';
import type { BlockDeviceRow, InstanceRow, PowerState, Vif, VmState } from './tables.ts';
import type { MigrationRow } from './server-migrations/tables.ts';

export const SCHEDULER_QUEUE = 'scheduler';
export const CONDUCTOR_QUEUE = 'conductor';
/** The queue of the agent on `host`. */
export const agentQueue = (host: string): string => `compute.${host}`;
/** Published when a server was evacuated from the host. */
export const evacuatedTopic = (host: string): string => `compute.evacuated.${host}`;
/** Servers that leave `host` while they run: as many at once as it may, and the others wait here. */
export const liveMigrationsQueue = (host: string): string => `compute.${host}.migrations`;

/** Names an action (a saga) on an instance. */
export interface ActionRef {
  readonly action_id: string;
  readonly instance_id: string;
}

export interface LaunchMessage extends ActionRef {
  /** 1, and one more for each host tried. */
  readonly attempt: number;
  /** The user's token, forwarded so that image and network act on the user's behalf. Secret. */
  readonly user_token: string;
}

export type SchedulerRpc = {
  /**
   * Chooses a host, and in one transaction claims its resources, writes it into the entry and stores the message that
   * launches there; or ends the launch with the reason why no host fits.
   */
  selectHost(args: LaunchMessage & { readonly exclude: readonly string[] }): void;
  /**
   * Chooses a host for a server that exists, and in one transaction claims its resources there, writes the choice and
   * stores the message `next`; or ends the action with the reason why no host fits, and the server stays as it was.
   */
  selectDestination(args: DestinationMessage): void;
};

/** What an agent is asked for, on either of its queues. */
type AgentMethods = AgentRpc & LiveMigrationsRpc;

/** Methods of the agent that take the host chosen. */
export type DestinationMethod = {
  [M in keyof AgentMethods]: Parameters<AgentMethods[M]>[0] extends ActionRef & {
    readonly destination: Destination;
  }
    ? M
    : never;
}[keyof AgentMethods] &
  string;

/** Where a server goes. */
export interface Destination {
  readonly host: string;
  readonly node: string;
  readonly zone: string;
}

/** What a destination was chosen by, for the choice of another one when it fails. */
export type Tried = Pick<DestinationMessage, 'attempt' | 'exclude' | 'requested_host'>;

/** A resize or a migration of a server that is off meanwhile. */
export interface MoveMessage extends ActionRef {
  readonly migration_uuid: string;
  readonly destination: Destination;
  readonly tried: Tried;
}

/** A migration of a server that runs on meanwhile. */
export interface LiveMigrateMessage extends Omit<MoveMessage, 'tried'> {
  /** Whether disks of the host are to be copied; null: if there are any. */
  readonly block_migration: boolean | null;
}

/** A disk of a server as another host reaches it. */
export type ConnectedVolume = Pick<BlockDeviceRow, 'id' | 'attachment_id' | 'connection_json'>;

/** A move as its host needs to know it, before it begins and when it goes on. */
export type PreparedMove =
  | {
      readonly kind: 'go';
      readonly migration: MigrationRow;
      /** The server as it is. */
      readonly from: InstanceEntry;
      /** The server as it will be. */
      readonly to: InstanceEntry;
    }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'stale' };

export type PreparedLiveMigration =
  | {
      readonly kind: 'go';
      readonly migration: MigrationRow;
      /** The server where it comes from, and where it goes. */
      readonly from: InstanceEntry;
      readonly to: InstanceEntry;
      /** It is there already. */
      readonly switched: boolean;
    }
  | { readonly kind: 'stale' };

export interface MoveRef extends ActionRef {
  readonly migration_uuid: string;
}

export interface DestinationMessage extends ActionRef {
  /** 1, and one more for each host tried. */
  readonly attempt: number;
  /** Hosts that will not do: the one it leaves, those that failed. */
  readonly exclude: readonly string[];
  /** Service host or hypervisor name of the only host that will do; null: any. The entry's own wish does not count. */
  readonly requested_host: string | null;
  /**
   * The row in `migrations`: what the server held so far is held by it from the choice on, the choice is written there,
   * and its flavor is claimed. Null for a server on no host: the choice is written into the entry.
   */
  readonly migration_uuid: string | null;
  /** Who acts on the choice: the agent on `on`, or on the host chosen when that is null. Its `args` get `destination`. */
  readonly next: {
    readonly on: string | null;
    readonly method: DestinationMethod;
    readonly args: ActionRef & Readonly<Record<string, unknown>>;
  };
}

export interface UnshelveMessage extends LaunchMessage {
  /** The only host that will do; null: any. */
  readonly requested_host: string | null;
}

export interface EvacuateMessage extends LaunchMessage {
  readonly migration_uuid: string;
  readonly destination: Destination;
  readonly tried: Tried;
}

/** What the agent may know of the entry; JSON columns parsed by the receiver. */
export type InstanceEntry = InstanceRow & {
  /** Its disks but the root disk that an image makes, in the order of their names. */
  readonly devices: readonly BlockDeviceRow[];
};

export type Prepared =
  | { readonly kind: 'go'; readonly entry: InstanceEntry }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'stale' };

export interface FailedLaunch extends LaunchMessage {
  readonly host: string;
  readonly failed_step: string;
  readonly code: string;
  readonly message: string;
  readonly details: string;
  /** False when another host would fail in the same way (bad image, over quota). */
  readonly retriable: boolean;
}

/** A launch that has ended, whose flows are to be counted. */
export interface UncountedLaunch extends ActionRef {
  readonly attempt: number;
  readonly ports: ReadonlyArray<{ readonly port_id: string; readonly devname: string }>;
}

/** What an agent tells of its host, at its start and every few seconds. */
export interface HostReport {
  readonly host: string;
  readonly hypervisor_hostname: string;
  readonly hypervisor_type: string;
  readonly hypervisor_version: number;
  readonly host_ip: string;
  readonly vcpus: number;
  readonly memory_mb: number;
  readonly local_gb: number;
  readonly cpu_info: Readonly<Record<string, unknown>>;
  /** Placement traits: `COMPUTE_NET_ATTACH_INTERFACE`, `HW_CPU_X86_AVX` … */
  readonly traits: readonly string[];
  /** When the machine booted. Absent where nobody tells. */
  readonly booted_at?: string;
  readonly supported_instances: ReadonlyArray<readonly [arch: string, hypervisor: string, mode: string]>;
  /** True for the models of src/sim. */
  readonly simulated: boolean;
}

export type ConductorRpc = {
  /** Hop `prepare`. `stale`: the instance is not on this host in this attempt any more; drop the message. */
  prepareLaunch(
    args: LaunchMessage & {
      readonly host: string;
      /** What the agent saw of the message, when this is its first word on it. */
      readonly delivery?: Pick<Delivery, 'id' | 'redelivered'>;
    },
  ): Prepared;
  loadSteps(args: { readonly saga_id: string }): StepRecord[];
  recordStep(args: StepRecord): { cancelled: boolean };
  /** Evidence, by hop, of hops that are done. */
  addEvidence(args: {
    readonly saga_id: string;
    readonly attempt: number;
    readonly evidence: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }): void;
  /** Launches that ended on `host` lately and whose flows are not counted. */
  listUncountedLaunches(args: { readonly host: string }): UncountedLaunch[];
  /** Publishes the launch's progress: task_state networking, block_device_mapping, spawning. */
  publishTaskState(args: ActionRef & { readonly task_state: InstanceRow['task_state'] }): void;
  /** Who on `host` gives what the server's ports ask for: a provider by request group. */
  findPortProviders(args: {
    readonly instance_id: string;
    readonly host: string;
  }): Readonly<Record<string, string>>;
  /** The port is the server's no more: what it asked for is free again. */
  releasePortRequest(args: { readonly instance_id: string; readonly port_id: string }): void;
  writeVifs(args: { readonly instance_id: string; readonly vifs: readonly Vif[] }): void;
  /** What the host learned of a disk: the volume that was made, its attachment and connection. */
  writeDevice(args: {
    readonly device_id: string;
    readonly changes: Partial<
      Pick<
        BlockDeviceRow,
        'volume_id' | 'made' | 'attachment_id' | 'connection_json' | 'volume_size' | 'multiattach'
      >
    >;
  }): void;
  /** The disk `device_id` goes on with the volume of the row `other_id`, which then has the one to be given up. */
  exchangeDevices(args: { readonly device_id: string; readonly other_id: string }): void;
  /** The disk is not the server's any more. */
  removeDevice(args: { readonly device_id: string }): void;
  finishLaunch(args: ActionRef & { readonly power_state: PowerState }): void;
  failLaunch(args: FailedLaunch): void;
  /** The entry, for every other action. `cancelled` when the instance is gone or the action has ended. */
  loadEntry(args: ActionRef & { readonly attempt?: number }): Prepared;
  /** Ends an action: sets the states, clears the task state. */
  finishAction(
    args: ActionRef & {
      readonly vm_state: VmState;
      readonly power_state: PowerState;
      readonly changes?: Partial<InstanceRow>;
    },
  ): void;
  /** What `moveServer` is about to do. Stale: another attempt is under way. */
  prepareMove(args: MoveRef & { readonly attempt: number }): PreparedMove;
  /** The server is at its destination, to be confirmed. `cancelled`: it is to be deleted, and nothing was written. */
  finishMove(args: MoveRef & { readonly power_state: PowerState }): { readonly cancelled: boolean };
  /** The move was unwound: another host is tried, or the server holds what it held. */
  failMove(
    args: MoveRef & {
      readonly message: string;
      readonly details: string;
      /** Its guest could not be brought back. */
      readonly lost: boolean;
      /** The destination, when it could not remove all that it had of it. */
      readonly left_behind?: string | null;
      /** Another destination may do better: what is to be asked of whom there. */
      readonly retry?: { readonly tried: Tried; readonly next: DestinationMessage['next'] };
    },
  ): void;
  /** What `revertMove` is about to do. */
  prepareRevert(args: MoveRef): PreparedMove;
  /** The server is what and where it was before its move. */
  finishRevert(args: MoveRef & { readonly power_state: PowerState }): { readonly cancelled: boolean };
  /** The move stands, as it did. */
  failRevert(
    args: MoveRef & { readonly message: string; readonly details: string; readonly lost: boolean },
  ): void;
  /** What `liveMigrateServer` is about to do, or goes on with. */
  prepareLiveMigration(args: MoveRef): PreparedLiveMigration;
  /** How far it is. */
  reportMigration(args: MoveRef & { readonly progress: MigrationProgress }): void;
  /**
   * The point of no return: the server runs at its destination, and is written to be there. `cancelled`: it is to be deleted,
   * and nothing was written.
   */
  switchHost(args: MoveRef & { readonly volumes: readonly ConnectedVolume[] }): {
    readonly cancelled: boolean;
  };
  /** Nothing of the server is where it was. */
  finishLiveMigration(args: MoveRef): void;
  /** Ends an action that changes nothing of its server. `reason`: it has failed. */
  endAction(args: ActionRef & { readonly reason?: string }): void;
  /** UUIDs of moves of which something may be on `host`, by instance. */
  listOpenMoves(args: { readonly host: string }): Array<{
    readonly instance_id: string;
    readonly migration_uuid: string;
  }>;
  /** Ends an action that failed. `vm_state` absent: as it was. */
  failAction(
    args: ActionRef & {
      readonly message: string;
      readonly details: string;
      readonly vm_state?: VmState;
      readonly power_state?: PowerState;
    },
  ): void;
  /** Writes what is so from now on, while the action goes on. */
  changeEntry(args: ActionRef & { readonly changes: Partial<InstanceRow> }): void;
  /** The server is shelved and has left its host: frees its claim. */
  finishOffload(args: ActionRef): void;
  /** The host has unwound: tries another one, or ends the action with the server as it was. */
  failUnshelve(
    args: UnshelveMessage & {
      readonly host: string;
      readonly message: string;
      readonly details: string;
      readonly retriable: boolean;
      /** There is nothing any more to make the server from. */
      readonly image_lost: boolean;
    },
  ): void;
  /** The server runs, or is stopped, on the migration's destination. `cancelled`: it is being deleted. */
  finishEvacuation(args: MoveRef & { readonly vm_state: VmState; readonly power_state: PowerState }): {
    readonly cancelled: boolean;
  };
  /** What was evacuated from the host and is still held there. */
  listEvacuated(args: {
    readonly host: string;
  }): Array<{ readonly instance_id: string; readonly migration_uuid: string }>;
  /** The host has nothing of it any more. */
  finishEvacuated(args: { readonly migration_uuid: string }): void;
  finishDelete(args: ActionRef): void;
  /** Deletes a server that has no host: nothing of it exists outside the database and, perhaps, its ports. */
  deleteServerWithoutHost(args: ActionRef): void;
  /** The entry as it is now, for the metadata service; null when the server is gone. */
  getEntry(args: { readonly instance_id: string }): InstanceEntry | null;
  /** What the guest has told of its password, encrypted; empty when nothing is kept. */
  getGuestPassword(args: { readonly instance_id: string }): string;
  /** False when one is kept already: a guest tells it once, until it is cleared. */
  keepGuestPassword(args: { readonly instance_id: string; readonly password: string }): boolean;
  /** Hop `ready`: the guest showed itself. Only the first sign counts. */
  recordReady(args: {
    readonly instance_id: string;
    readonly sign: string;
    readonly evidence: Readonly<Record<string, unknown>>;
  }): void;
  reportHost(args: HostReport): void;
  /** Guests that must exist on `host`, for the agent's start and its audit of leftovers. */
  listHostEntries(args: { readonly host: string }): InstanceEntry[];
  /** What the hypervisor says of guests that nobody acts on. */
  reportPowerStates(args: {
    readonly host: string;
    readonly states: ReadonlyArray<{
      readonly instance_id: string;
      readonly power_state: PowerState;
      /** `updated_at` of the entry before the guest was looked at: of an entry that changed since, nothing is known. */
      readonly seen_at: string | null;
    }>;
  }): void;
};

export type LiveMigrationsRpc = {
  /** On the host that it leaves: moves the server while it runs. The destination is claimed. */
  liveMigrateServer(args: LiveMigrateMessage): void;
};

export type AgentRpc = {
  launchServer(args: LaunchMessage): void;
  deleteServer(args: ActionRef): void;
  /** Stops the server, which can be restored until it is deleted. */
  softDeleteServer(args: ActionRef): void;
  restoreServer(args: ActionRef): void;
  /** Removes whatever a launch that was given up left on the host. */
  cleanUpServer(args: ActionRef): void;
  /** On the host that it leaves: resizes it, or moves it to another host, or both. The destination is claimed. */
  moveServer(args: MoveMessage): void;
  /** Lets a live migration end that does not by itself: the guest stands still for the rest of it. */
  forceCompleteMigration(args: ActionRef): void;
  /** On the host where it is: takes the move back, which waits to be confirmed. */
  revertMove(args: ActionRef & { readonly migration_uuid: string }): void;
  /** The move is over: what this host kept for it goes, and all of the server when it is not here. */
  dropMoved(args: { readonly instance_id: string; readonly migration_uuid: string }): void;
  /** The action was ended for being late: what still runs of it stops, and what waits behind it goes on. */
  callOffAction(args: ActionRef): void;
  startServer(args: ActionRef): void;
  stopServer(args: ActionRef): void;
  rebootServer(args: ActionRef & { readonly type: 'SOFT' | 'HARD' }): void;
  pauseServer(args: ActionRef): void;
  unpauseServer(args: ActionRef): void;
  suspendServer(args: ActionRef): void;
  resumeServer(args: ActionRef): void;
  /** The entry already has the new image, name, metadata and password. */
  rebuildServer(
    args: ActionRef & {
      readonly user_token: string;
      /** The image that is to be written over the volume that the server boots from. Absent: such a volume is kept. */
      readonly root_image_id?: string;
    },
  ): void;
  /** Sends the guest a non-maskable interrupt. */
  triggerCrashDump(args: ActionRef): void;
  /** Boots a disk made of an image instead of the server's own. The entry already has the password. */
  rescueServer(args: ActionRef & { readonly user_token: string; readonly rescue: Rescue }): void;
  unrescueServer(args: ActionRef): void;
  /** Stops the server and, unless it is on a volume, fills the image, which the API has made; then it may leave the host. */
  shelveServer(
    args: ActionRef & {
      readonly image_id: string | null;
      readonly user_token: string;
      readonly offload: boolean;
    },
  ): void;
  /** The shelved server leaves the host. */
  offloadServer(args: ActionRef): void;
  /** Runs a shelved server that has not left the host. */
  startShelvedServer(args: ActionRef): void;
  /** Launches a shelved server that is on no host. Its resources are claimed here. */
  unshelveServer(args: UnshelveMessage & { readonly destination: Destination }): void;
  /** Makes a server of a host that is down anew. Its resources are claimed here. */
  evacuateServer(args: EvacuateMessage): void;
  /** Uploads the root disk into the image `image_id`, which the API has made and queued. */
  createImage(args: ActionRef & { readonly image_id: string; readonly user_token: string }): void;
  /** As `createImage`; then only the newest `rotation` backups of the type are left. */
  createBackup(
    args: ActionRef & {
      readonly image_id: string;
      readonly user_token: string;
      readonly backup_type: string;
      readonly rotation: number;
    },
  ): void;
  attachInterface(
    args: ActionRef & {
      readonly port_id: string | null;
      readonly network_id: string | null;
      readonly fixed_ip: string | null;
      readonly tag: string | null;
      readonly user_token: string;
    },
  ): void;
  /** With `keep_port` the port stays bound: the network service has told of it, and does with it what it does. */
  detachInterface(args: ActionRef & { readonly port_id: string; readonly keep_port?: boolean }): void;
  /** The device's row is there and its volume is reserved. */
  attachVolume(args: ActionRef & { readonly device_id: string; readonly user_token: string }): void;
  detachVolume(args: ActionRef & { readonly device_id: string; readonly user_token: string }): void;
  /** `replacement` is reserved; in the end `device_id` is on its volume, and the volume `old_volume_id` is free. */
  swapVolume(
    args: ActionRef & {
      readonly device_id: string;
      readonly old_volume_id: string;
      readonly replacement: BlockDeviceRow;
      readonly user_token: string;
    },
  ): void;
  /** The volume has grown: the guest is told. */
  extendVolume(args: ActionRef & { readonly device_id: string; readonly volume_id: string }): void;
  /** Loads images that servers will need. */
  cacheImages(args: { readonly image_ids: readonly string[]; readonly user_token: string }): void;
  /** The last `lines` of the serial console's log; all of it when null. */
  getConsoleOutput(args: { readonly instance_id: string; readonly lines: number | null }): { output: string };
  getDiagnostics(args: { readonly instance_id: string }): Record<string, unknown>;
};
