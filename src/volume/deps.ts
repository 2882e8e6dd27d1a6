// What the volume service's handlers and roles get.
import type { Authenticator } from '#platform/auth/principal.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { ImageClient } from '#platform/clients/image.ts';
import type { Transport } from '#platform/clients/transport.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Action, Route } from '#platform/http/api.ts';
import type { Log } from '#platform/log/log.ts';
import type { LogLevels } from '#platform/log/log-levels.ts';
import type { Enforcer } from '#platform/policy/enforcer.ts';
import type { ServiceName } from '#platform/service/service.ts';
import type { Database } from '#platform/sql/database.ts';
import type { BackupObjects } from './backups/objects/port.ts';
import type { VolumeConfig } from './config.ts';
import type { VolumeTables } from './tables.ts';

export type VolumeDatabase = Database<VolumeTables>;

export interface VolumeDeps {
  readonly config: VolumeConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the API and its loops. */
  readonly logLevels: LogLevels;
  readonly bus: Bus;
  readonly db: VolumeDatabase;
  readonly enforcer: Enforcer;
  /** Where backups are kept; absent: in files of the service's directory. */
  readonly backupObjects?: BackupObjects;
  /** The service's own directory, mode 0700. */
  readonly dataDir: string;
  readonly region: string;
  readonly image: ImageClient;
  readonly peer: (service: ServiceName) => Transport;
  readonly serviceToken: () => Promise<string>;
  /** Checks `X-Service-Token`, with which a service vouches for a request that carries its user's token. */
  readonly serviceTokens: Authenticator;
}

export type VolumeRoute = Route<VolumeDeps>;
export type VolumeAction = Action<VolumeDeps>;
