// The options of compute, with defaults. Plain values: `src/cloud` fills in what an operator sets.

export interface ComputeConfig {
  /** Upper bound of a launch over all its attempts; past it the launch is unwound and fails. */
  readonly launchDeadlineMs: number;
  /** The same for launches that make volumes, and of rebuilds: longer than their steps may take one after the other. */
  readonly fillDeadlineMs: number;
  /** Upper bound of every other action on a server. */
  readonly actionDeadlineMs: number;
  /** The same for resizes and migrations: disks are copied. */
  readonly moveDeadlineMs: number;
  /** False: a resize always goes to another host. */
  readonly allowResizeToSameHost: boolean;
  /** Servers that leave a host at once while they run; others wait for their turn. 0: no bound. */
  readonly maxConcurrentLiveMigrations: number;
  /** After this long a resize or migration that nobody confirmed is confirmed; 0: never. */
  readonly resizeConfirmWindowMs: number;
  /** How often those are looked for. */
  readonly confirmIntervalMs: number;
  /** How long past its deadline an action is left to speak for itself before it is ended. */
  readonly expiryGraceMs: number;
  /** How often late actions are looked for. */
  readonly expiryIntervalMs: number;
  /** Upper bound of a snapshot: an upload of the whole root disk. */
  readonly snapshotDeadlineMs: number;
  /** `disk_format` of snapshots of servers: what the root disks' storage gives. */
  readonly snapshotFormat: 'qcow2' | 'raw';
  /** What servers are rescued from when a request names no image; null: each from its own. */
  readonly rescueImageId: string | null;
  /** Seconds that a shelved server stays on its host: 0 leaves it at once, -1 never. */
  readonly shelvedOffloadTime: number;
  /** Seconds for which a deleted server can be restored; 0: deletes are at once. */
  readonly reclaimInstanceInterval: number;
  /** How long a console URL can be opened. */
  readonly consoleTokenTtlMs: number;
  /** A host that was not heard of for this long is down. */
  readonly serviceDownMs: number;
  /** Without an aggregate that names a zone, hosts are in this one. */
  readonly defaultAvailabilityZone: string;
  /** How often volumes are looked for that could not be freed with their server, and images that came to nothing. */
  readonly releaseIntervalMs: number;
  /** How long a request may take from reserving its volumes or its image to its end; then it is taken for a dead one's. */
  readonly reservationMs: number;
  /** False: a server's volumes must be in its availability zone. */
  readonly crossZoneAttach: boolean;
  /** The most entries of a list answer, whatever `limit` asks for. */
  readonly maxLimit: number;
}

export const DEFAULT_COMPUTE_CONFIG: ComputeConfig = {
  launchDeadlineMs: 300_000,
  fillDeadlineMs: 1_200_000,
  actionDeadlineMs: 120_000,
  moveDeadlineMs: 2_400_000,
  allowResizeToSameHost: true, // upstream's is false; many clouds of ours have one host
  maxConcurrentLiveMigrations: 1,
  resizeConfirmWindowMs: 0,
  confirmIntervalMs: 10_000,
  expiryGraceMs: 30_000, // a step that runs at the deadline may end by its own deadline first
  expiryIntervalMs: 5000,
  snapshotDeadlineMs: 3_600_000,
  snapshotFormat: 'qcow2',
  rescueImageId: null,
  shelvedOffloadTime: 0,
  reclaimInstanceInterval: 0,
  consoleTokenTtlMs: 600_000,
  serviceDownMs: 60_000,
  defaultAvailabilityZone: 'nova',
  releaseIntervalMs: 5000,
  reservationMs: 120_000,
  crossZoneAttach: true,
  maxLimit: 1000,
};
