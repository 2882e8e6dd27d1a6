// What every handler of compute gets: built once in `service.ts`, replaced piece by piece in tests.
import type { Bus } from '#platform/bus/bus.ts';
import type { ImageClient } from '#platform/clients/image.ts';
import type { NetworkClient } from '#platform/clients/network.ts';
import type { VolumeClient } from '#platform/clients/volume.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { Enforcer } from '#platform/policy/enforcer.ts';
import type { ServiceContext } from '#platform/service/service.ts';
import type { Database, Executor } from '#platform/sql/database.ts';
import type { Route } from '#platform/http/api.ts';
import type { ComputeConfig } from './config.ts';
import type { ComputeTables } from './tables.ts';

export type ComputeDatabase = Database<ComputeTables>;
/** The database or a transaction of it: what a store's functions take. */
export type ComputeExecutor = Executor<ComputeTables>;

export interface ComputeDeps {
  readonly db: ComputeDatabase;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly enforcer: Enforcer;
  readonly log: Log;
  readonly config: ComputeConfig;
  readonly region: string;
  readonly image: ImageClient;
  readonly network: NetworkClient;
  readonly volume: VolumeClient;
  /** Any other peer; resolved at first use. */
  readonly peer: ServiceContext['peer'];
  /** A fresh token of compute's own user, for what a tenant's token may not do. */
  readonly serviceToken: () => Promise<string>;
}

/** A row of one of compute's route tables. */
export type ComputeRoute = Route<ComputeDeps>;
