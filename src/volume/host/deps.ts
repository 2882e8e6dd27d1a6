// What the volume service of a backend gets.
import type { VolumeDriver } from '#drivers/volume/port.ts';
import type { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import type { VolumeDeps } from '#volume/deps.ts';

export interface BackendDeps extends Pick<
  VolumeDeps,
  'config' | 'clock' | 'log' | 'bus' | 'db' | 'image' | 'peer' | 'serviceToken' | 'dataDir' | 'backupObjects'
> {
  /** `host@backend` */
  readonly host: string;
  readonly pool: string;
  /** `<cluster>@<backend>` that it is a member of; null: of none. */
  readonly cluster: string | null;
  readonly availabilityZone: string;
  readonly driver: VolumeDriver;
  /** One operation at a time on a volume, by its id. */
  readonly volumeLocks: KeyedMutex;
  /** Ids of the operations that are worked on here, or wait here for another to end. */
  readonly inHand: Set<string>;
  /** One change at a time of what is exported: held for `connections`. */
  readonly connectionLock: KeyedMutex;
  /** Aborts when the process closes. */
  readonly signal: AbortSignal;
}
