// What every handler of the network service works with, and who calls it.
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { Log } from '#platform/log/log.ts';
import type { Database, Executor } from '#platform/sql/database.ts';
import type { ResolvedNetworkConfig } from '../config.ts';
import type { Northbound } from '../northbound.ts';
import type { NetworkTables } from '../tables.ts';
import type { NorthboundWork } from './northbound-work.ts';

export interface NetworkDeps {
  readonly db: Database<NetworkTables>;
  readonly northbound: Northbound;
  readonly work: NorthboundWork;
  readonly config: ResolvedNetworkConfig;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Log;
  /** Projects that are known to have their default security group. */
  readonly projectsWithDefaultGroup: Set<string>;
}

export type Sql = Executor<NetworkTables>;

/** Whose eyes see: administrators see everything, others their project's and what is shared with it. */
export interface Caller {
  readonly admin: boolean;
  readonly projectId: string;
}

export function callerOf(call: Call): Caller {
  return { admin: call.allows('context_is_admin'), projectId: call.principal.projectId ?? '' };
}

export type View = Record<string, unknown>;
export type Input = Readonly<Record<string, unknown>>;
