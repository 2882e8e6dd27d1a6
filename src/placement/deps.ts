// What every handler of placement gets, and the shapes they share.
import type { Clock } from '#platform/context/clock.ts';
import type { Route } from '#platform/http/api.ts';
import type { Database, Executor } from '#platform/sql/database.ts';
import type { PlacementTables } from './tables.ts';

export interface PlacementDeps {
  readonly db: Database<PlacementTables>;
  readonly clock: Clock;
}

export type PlacementExecutor = Executor<PlacementTables>;
export type PlacementRoute = Route<PlacementDeps>;
