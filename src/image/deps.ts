// What every handler of the image service gets.
import type { Authenticator } from '#platform/auth/principal.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { Database } from '#platform/sql/database.ts';
import type { ImageConfig } from './config.ts';
import type { ImageStore } from './store/port.ts';
import type { Stores } from './store/stores.ts';
import type { ImageTables } from './tables.ts';

export interface ImageDeps {
  readonly config: ImageConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly db: Database<ImageTables>;
  readonly stores: Stores;
  /** Data that waits for an import; nobody reads it but imports. */
  readonly staging: ImageStore;
  /** Carries out tasks; told when there is one. */
  readonly imports: { nudge(): void };
  /** Checks `X-Service-Token`, with which a service vouches for a request that carries its user's token. */
  readonly serviceTokens: Authenticator;
}
