// What every service gets and what it gives: the frame in which `src/cloud/assemble.ts` puts identity, compute and the rest.
import type { Clock } from '#platform/context/clock.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Api } from '#platform/http/api.ts';
import type { Transport } from '#platform/clients/transport.ts';
import type { Log } from '#platform/log/log.ts';

export type ServiceName = 'identity' | 'compute' | 'placement' | 'image' | 'network' | 'volume';

/** Given to each service at its creation. */
export interface ServiceContext {
  readonly log: Log;
  readonly clock: Clock;
  readonly bus: Bus;
  /** `sqlite:…` or `postgres://…`: this service's own database (compute and placement share one). */
  readonly databaseUrl: string;
  /** A directory of this service's own, mode 0700. */
  readonly dataDir: string;
  /** Rule overrides of the operator, name → check. */
  readonly policyOverrides: Readonly<Record<string, string>>;
  /** How to reach each service's REST API. Resolved at first use: services may be created in any order. */
  readonly peer: (service: ServiceName) => Transport;
  /** A fresh token of this service's own user (role service and admin in project `service`), from identity. */
  readonly serviceToken: () => Promise<string>;
  readonly region: string;
}

/** A service that runs. */
export interface Service<D = unknown> extends AsyncDisposable {
  readonly name: ServiceName;
  readonly api: Api<D>;
  /** Begins to serve queues and run loops; the API may be called from then on. */
  start(): Promise<void>;
}
