// The options of compute, with defaults. Plain values: `src/cloud` fills in what an operator sets.

export interface ComputeConfig {
  /** Upper bound of a launch over all its attempts; past it the launch is unwound and fails. */
  readonly launchDeadlineMs: number;
  /** Upper bound of every other action on a server. */
  readonly actionDeadlineMs: number;
  /** How long past its deadline an action is left to speak for itself before it is ended. */
  readonly expiryGraceMs: number;
  /** How often late actions are looked for. */
  readonly expiryIntervalMs: number;
  /** Upper bound of a snapshot: an upload of the whole root disk. */
  readonly snapshotDeadlineMs: number;
  /** How long a console URL can be opened. */
  readonly consoleTokenTtlMs: number;
  /** A host that was not heard of for this long is down. */
  readonly serviceDownMs: number;
  /** Without an aggregate that names a zone, hosts are in this one. */
  readonly defaultAvailabilityZone: string;
  /** The most entries of a list answer, whatever `limit` asks for. */
  readonly maxLimit: number;
}

export const DEFAULT_COMPUTE_CONFIG: ComputeConfig = {
  launchDeadlineMs: 300_000,
  actionDeadlineMs: 120_000,
  expiryGraceMs: 30_000, // a step that runs at the deadline may end by its own deadline first
  expiryIntervalMs: 5000,
  snapshotDeadlineMs: 3_600_000,
  consoleTokenTtlMs: 600_000,
  serviceDownMs: 60_000,
  defaultAvailabilityZone: 'nova',
  maxLimit: 1000,
};
