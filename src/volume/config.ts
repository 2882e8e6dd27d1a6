// The volume service's options, with defaults. Plain values: `src/cloud` fills in what an operator sets.

export interface VolumeConfig {
  /** Name of the type that a volume gets when neither its request nor its project says one. Made at the first start. */
  readonly defaultVolumeType: string;
  /**
   * Makes the volume services members of the cluster `<this>@<backend>` each: they are switched on and off together, and one
   * ends what another that is down has left. Null: they are in none.
   */
  readonly cluster: string | null;
  /** Zone of volumes that ask for none, and of services that name none. */
  readonly defaultAvailabilityZone: string;
  /** A zone that no backend is in falls back to the default one instead of being refused. */
  readonly allowAvailabilityZoneFallback: boolean;
  /** Most rows that one list answers, whatever `limit` asks for. */
  readonly maxLimit: number;
  /** Backends tried for one volume before it ends in error. */
  readonly maxAttempts: number;
  /** How often a volume service tells of its backend. */
  readonly reportIntervalMs: number;
  /** A service that was silent for longer is down. Lower: a pause empties the cloud; higher: requests go to dead backends. */
  readonly serviceDownMs: number;
  /** How often backends compare what is exported and what is running with the database. */
  readonly reconcileIntervalMs: number;
  /** How often operations past their deadline are looked for, and how long past it they may be. */
  readonly expiryIntervalMs: number;
  readonly expiryGraceMs: number;
  /** Upper bound of an operation that moves no data: create blank, delete, extend, snapshot. */
  readonly operationMs: number;
  /** Upper bound of one that moves data: from image, upload, backup, restore. */
  readonly transferMs: number;
  /** How long messages that explain failures are kept. */
  readonly messageTtlMs: number;
}

const MINUTE = 60_000;

export const DEFAULT_VOLUME_CONFIG: VolumeConfig = {
  defaultVolumeType: '__DEFAULT__',
  cluster: null,
  defaultAvailabilityZone: 'nova',
  allowAvailabilityZoneFallback: false,
  maxLimit: 1000,
  maxAttempts: 3,
  reportIntervalMs: 10_000,
  serviceDownMs: MINUTE,
  reconcileIntervalMs: 30_000,
  expiryIntervalMs: 15_000,
  expiryGraceMs: 10_000,
  operationMs: 2 * MINUTE,
  transferMs: 60 * MINUTE,
  messageTtlMs: 30 * 24 * 60 * MINUTE,
};
