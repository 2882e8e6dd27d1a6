// Numbers of libvirt's public interface that callers pass or receive.

/** virDomainState */
export const DomainState = {
  none: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shuttingDown: 4,
  shutOff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/** Reasons of the paused state that callers tell apart (virDomainPausedReason). */
export const PausedReason = {
  user: 1,
  migration: 2,
  save: 3,
  ioError: 5,
  crashed: 10,
  startingUp: 11,
} as const;

export const StartFlag = { paused: 1, autoDestroy: 2, bypassCache: 4, forceBoot: 8, validate: 16 } as const;
export const DestroyFlag = { none: 0, graceful: 1, removeLogs: 2 } as const;
export const ShutdownFlag = { default: 0, acpi: 1, guestAgent: 2 } as const;
export const UndefineFlag = { managedSave: 1, snapshotsMetadata: 2, nvram: 4 } as const;
export const SaveFlag = { bypassCache: 1, running: 2, paused: 4 } as const;
/** Without it sizes are kibibytes. */
export const BlockResizeFlag = { bytes: 1 } as const;
/** The destination is there already; without it libvirt makes a file. */
export const BlockCopyFlag = { reuseExternal: 2 } as const;
/** Ends a copy: with `pivot` the guest goes on with the copy. */
export const BlockJobAbortFlag = { none: 0, pivot: 2 } as const;
/** virDomainMigrateFlags */
export const MigrateFlag = {
  live: 1,
  peerToPeer: 2,
  /** Disks go along: those of the parameter `migrate_disks`. */
  nonSharedDisk: 64,
  autoConverge: 8192,
  /** Guests' writes to disks that go along wait until they are there too. */
  synchronousWrites: 262_144,
} as const;
/** What a job does (virDomainJobOperation): its parameter `operation`. */
export const JobOperation = { migrationOut: 5 } as const;
export const AffectFlag = { current: 0, live: 1, config: 2 } as const;
export const XmlFlag = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;
export const ConsoleFlag = { force: 1, safe: 2 } as const;
export const ListDomainsFlag = { active: 1, inactive: 2, persistent: 4, transient: 8 } as const;
export const StatsFlag = {
  state: 1,
  cpuTotal: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
} as const;
/** Monitor commands are JSON (QMP) unless this is set. */
export const MonitorFlag = { qmp: 0, hmp: 1 } as const;

/** virDomainEventType of lifecycle events. */
export const LifecycleEvent = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;

/** Secret usage (virSecretUsageType). */
export const SecretUsage = { none: 0, volume: 1, ceph: 2, iscsi: 3 } as const;

/** Optional protocol features a client asks for (VIR_DRV_FEATURE_*). */
export const Feature = { keepalive: 10, eventCallback: 14 } as const;
