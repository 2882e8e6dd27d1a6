// The hypervisor in our words. The compute agent uses this; real.ts speaks to libvirt, fake.ts is a working model.
// Every method throws HypervisorError; after `unreachable` or `timeout` it is unknown whether it took effect,
// so ask `serverState` (or call `destroyServer`, which may always be repeated).

export type ServerStateName = 'absent' | 'running' | 'paused' | 'shutting-down' | 'crashed' | 'suspended';

export interface ServerState {
  readonly state: ServerStateName;
  /**
   * Why, where that matters: `io-error` of a paused server, `starting-up` while it is being made (also for one that is to
   * arrive), `migrating` while it is arriving here, or stands still to go.
   */
  readonly reason?: 'user' | 'io-error' | 'starting-up' | 'saving' | 'migrating';
}

export interface ListedServer extends ServerState {
  readonly id: string;
  readonly name: string;
}

export type DiskSource =
  | { readonly kind: 'file'; readonly path: string; readonly format: 'raw' | 'qcow2' }
  | { readonly kind: 'block'; readonly path: string }
  | ({
      readonly kind: 'nbd';
      readonly exportName: string;
      /** How long the guest's requests wait for a server that went away before they fail; absent: they fail at once. */
      readonly reconnectMs?: number;
    } & ({ readonly socketPath: string } | { readonly host: string; readonly port: number }))
  | {
      readonly kind: 'rbd';
      readonly pool: string;
      readonly image: string;
      readonly monitors: readonly { readonly host: string; readonly port: number }[];
      readonly user: string;
      readonly secretId: string;
    };

export interface GuestDisk {
  readonly source: DiskSource;
  readonly device: 'disk' | 'cdrom';
  readonly bus: 'virtio' | 'scsi' | 'sata' | 'ide' | 'usb';
  /** Name the guest is likely to give it (`vda`); unique in the server, and how a disk is detached. */
  readonly target: string;
  /** What guests find the disk by: up to 20 characters, so volume ids are cut by their owner. */
  readonly serial?: string;
  /** 1 boots first. */
  readonly bootIndex?: number;
  readonly readonly?: boolean;
  /** Several guests may have it open for writing. */
  readonly shareable?: boolean;
  /** Of the host: `none` and `writethrough` for what must not lie in its memory. Default `writeback`; flushes are obeyed in each. */
  readonly cache?: 'writeback' | 'none' | 'writethrough';
  /** What the guest trims is given back to the storage. */
  readonly discard?: boolean;
  /** The storage holds LUKS, which the hypervisor opens for the guest. The secret is needed while it opens the disk alone. */
  readonly encryption?: { readonly secretId: string };
}

/** A disk of a server as it is now. */
export interface AttachedDisk {
  readonly target: string;
  readonly device: 'disk' | 'cdrom';
  readonly serial?: string;
  /** Size that the guest sees, where the hypervisor can tell. */
  readonly bytes?: number;
}

/** A key for storage. It is kept in memory of the hypervisor only and never told again. */
export interface StorageSecret {
  /** UUID: `secretId` of a disk's source or encryption. */
  readonly id: string;
  /** Default `ceph`: who one is to the storage; `volume`: what opens the encryption of a disk. */
  readonly purpose?: 'ceph' | 'volume';
  /** For people; unique on the host. */
  readonly usage: string;
  readonly value: Uint8Array;
}

export interface GuestInterface {
  readonly mac: string;
  readonly mtu: number;
  /** Exists and is plugged in before the server starts; at most 15 characters. It outlives the server. */
  readonly tapName: string;
  /** Set where the datapath does not fix checksums (Open vSwitch in userspace), or TCP never connects. */
  readonly offloads: boolean;
}

export type CpuMode = 'default' | 'maximum' | 'host-model' | 'host-passthrough';

export interface GuestSpec {
  /** UUID of the server. */
  readonly id: string;
  /** Name on the host, `instance-0000002a`. */
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly arch: 'x86_64' | 'aarch64';
  /** Machine type, `pc` or `q35`. */
  readonly machine: string;
  readonly accel: 'kvm' | 'tcg';
  /** `maximum` under `tcg` lets kernels boot faster. Start time is the same on a private daemon (see there). */
  readonly cpuMode: CpuMode;
  readonly disks: readonly GuestDisk[];
  readonly interfaces: readonly GuestInterface[];
  /** Boots this kernel instead of the firmware's choice. */
  readonly kernel?: {
    readonly kernelPath: string;
    readonly initrdPath?: string;
    readonly commandLine?: string;
  };
  readonly consoleLogPath: string;
  readonly serialSocketPath: string;
  readonly vncSocketPath: string;
  readonly randomDevice: boolean;
  /** For operators who look at the host; nothing reads it back but the id. */
  readonly metadata: {
    readonly displayName: string;
    readonly projectId: string;
    readonly userId: string;
    readonly flavorName: string;
    readonly imageId?: string;
  };
}

export interface HypervisorCapabilities {
  readonly hypervisor: string;
  /** major × 1,000,000 + minor × 1,000 + release, as the field reports it. */
  readonly version: number;
  readonly hostname: string;
  readonly arch: string;
  readonly cpus: number;
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
  readonly memoryMb: number;
  readonly cpuModel: string;
  readonly cpuVendor: string;
  readonly cpuFeatures: readonly string[];
  /** What the host offers for `GuestSpec.accel`; an offered `kvm` may still not run guests (nested hosts). */
  readonly accels: readonly ('kvm' | 'tcg')[];
  readonly machines: readonly string[];
}

export interface HostUsage {
  readonly memoryTotalMb: number;
  readonly memoryFreeMb: number;
  /** Nanoseconds since boot. */
  readonly cpu: {
    readonly user: bigint;
    readonly kernel: bigint;
    readonly idle: bigint;
    readonly iowait: bigint;
  };
}

export interface Diagnostics {
  readonly state: ServerStateName;
  readonly cpuTimeNs: bigint;
  readonly vcpus: readonly { readonly timeNs: bigint }[];
  readonly memory: { readonly maximumMb: number; readonly residentMb: number };
  readonly interfaces: readonly {
    readonly tapName: string;
    readonly rxBytes: bigint;
    readonly rxPackets: bigint;
    readonly rxErrors: bigint;
    readonly rxDrop: bigint;
    readonly txBytes: bigint;
    readonly txPackets: bigint;
    readonly txErrors: bigint;
    readonly txDrop: bigint;
  }[];
  readonly disks: readonly {
    readonly target: string;
    readonly readBytes: bigint;
    readonly readRequests: bigint;
    readonly writeBytes: bigint;
    readonly writeRequests: bigint;
  }[];
}

export interface ConsoleEndpoints {
  readonly vncSocketPath?: string;
  readonly serialSocketPath?: string;
}

/**
 * Something happened; look at the state. `migrated`: it left for another host, where it `started`. `resync` means events may
 * have been missed: look at all.
 */
export type ServerEvent =
  | {
      readonly kind:
        | 'started'
        | 'paused'
        | 'resumed'
        | 'stopped'
        | 'suspended'
        | 'migrated'
        | 'crashed'
        | 'rebooted'
        | 'devices';
      readonly serverId: string;
    }
  | { readonly kind: 'resync' };

/** `removed`: it is gone. `requested`: the guest was asked and has not let go (yet). */
export type DetachResult = 'removed' | 'requested';

export interface ReplaceOptions {
  /** The new storage is larger than the disk is. */
  readonly larger: boolean;
  readonly signal: AbortSignal;
}

/** How far a live migration is, in bytes. What the guest writes anew is counted again, so that totals grow and rests may. */
export interface MigrationProgress {
  readonly memoryTotal: number;
  readonly memoryProcessed: number;
  readonly memoryRemaining: number;
  readonly diskTotal: number;
  readonly diskProcessed: number;
  readonly diskRemaining: number;
}

export interface MigrateOptions {
  /** Where the destination's hypervisor is reached: what its `migrationAddress()` says. */
  readonly to: string;
  /**
   * The server as it is to be there: paths of files and sockets and names of taps are the destination's. CPUs, memory and
   * devices are those it has here, with the same targets and MAC addresses; else `invalid-spec`.
   */
  readonly spec: GuestSpec;
  /**
   * Targets of disks whose content goes along: their storage at the destination is there, and of exactly the size that the
   * guest sees. Of the others the storage is reached from both hosts, or is only read and there already.
   */
  readonly copyDisks: readonly string[];
  /** Called now and then while it goes on. */
  readonly onProgress?: (progress: MigrationProgress) => void;
  /** Calls it off: the server runs on where it was. Too late once it runs there: then it is done. */
  readonly signal: AbortSignal;
}

export interface Hypervisor extends AsyncDisposable {
  capabilities(): Promise<HypervisorCapabilities>;
  hostUsage(): Promise<HostUsage>;
  /** Servers of ours only, suspended ones not included. */
  listServers(): Promise<ListedServer[]>;
  serverState(id: string): Promise<ServerState>;

  /** `server-exists` if it is there already, in whatever state. */
  createServer(spec: GuestSpec, options?: { readonly paused?: boolean }): Promise<void>;
  /** Ends and forgets the server and its saved memory. May be repeated; a server that is absent is no error. */
  destroyServer(id: string): Promise<void>;
  /** Asks the guest to power off, and ends it when `graceMs` are over. Says whether the guest did it itself. */
  stopServer(id: string, options: { readonly graceMs: number }): Promise<'guest' | 'forced'>;
  /** `soft` asks the guest and does not wait; `hard` presses reset. Interfaces and disks stay. */
  rebootServer(id: string, how: 'soft' | 'hard'): Promise<void>;
  /** Sends the guest a non-maskable interrupt; what it does with that is its own affair. */
  interruptServer(id: string): Promise<void>;
  /** Stops the CPUs, memory stays. May be repeated. */
  pauseServer(id: string): Promise<void>;
  /** Lets the CPUs of a paused server run. May be repeated. */
  resumeServer(id: string): Promise<void>;
  /** Writes the memory to disk and ends the server. */
  suspendServer(id: string): Promise<void>;
  /** Brings a suspended server back, as it was. */
  resumeSuspendedServer(id: string): Promise<void>;

  attachInterface(id: string, nic: GuestInterface): Promise<void>;
  detachInterface(id: string, mac: string): Promise<DetachResult>;
  attachDisk(id: string, disk: GuestDisk): Promise<void>;
  detachDisk(id: string, target: string): Promise<DetachResult>;
  listDisks(id: string): Promise<AttachedDisk[]>;
  /** Tells the guest that a disk's storage, which has grown before, has `bytes`; of an encrypted one the header is taken off. May be repeated. `no-device` */
  resizeDisk(id: string, target: string, bytes: number): Promise<void>;

  /**
   * Copies the content of the disk `disk.target` to `disk.source`, which is there and at least as large, while the server goes
   * on, and puts that in the place of its storage; the old one keeps what it held then. What the guest sees of the disk
   * stays, its serial too, and its size until `resizeDisk`. May be repeated. After `signal` the disk is as it was. `no-device`
   */
  replaceDisk(id: string, disk: GuestDisk, how: ReplaceOptions): Promise<void>;

  /** Where other hosts' hypervisors reach this one; undefined: they do not, and no server comes here while it runs. */
  migrationAddress(): string | undefined;
  /**
   * Moves a server that runs or is paused to another host's hypervisor, memory and all, while it goes on. What it needs
   * there is there before: taps, directories, storage, secrets. When this resolves it is gone here, and is there as it was
   * when this began: one that ran runs, even if `pauseServer` was called meanwhile to let the last of it through (a guest
   * that changes memory faster than it is sent may never end otherwise). Meanwhile `destroyServer` ends it here and there;
   * other changes of the server wait, or fail.
   *
   * When it throws, the server is here as it was when this began and nothing of it is there, unless it was destroyed or
   * the error is `unreachable` or `timeout`: then it may still be under way, so call it again. That may always be repeated:
   * it joins a migration under way, and resolves at once when the server is absent here and present there. An abort rejects
   * with the signal's reason. `no-server` (neither here nor there), `wrong-state` (suspended), `invalid-spec`, `failed` (the
   * destination is not reached, refuses, or went away).
   */
  migrateServer(id: string, options: MigrateOptions): Promise<void>;

  /** Also replaces the value. Gone when the hypervisor restarts: define it before each start of a server that needs it. */
  defineSecret(secret: StorageSecret): Promise<void>;
  /** Servers that run keep their connections. An absent one is no error. */
  removeSecret(secretId: string): Promise<void>;

  consoleEndpoints(id: string): Promise<ConsoleEndpoints>;
  /** File the serial console is logged to. */
  consoleLog(id: string): Promise<string | undefined>;
  diagnostics(id: string): Promise<Diagnostics>;

  /** Returns a function that ends it. */
  onServerEvent(listener: (event: ServerEvent) => void): () => void;
}
