// The placement service: its REST API over the database that it shares with compute. `src/cloud` creates it.
import type { Api } from '#platform/http/api.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import type { Service, ServiceContext } from '#platform/service/service.ts';
import { openDatabase, type Database } from '#platform/sql/database.ts';
import { aggregateRoutes } from './aggregates/routes.ts';
import { allocationCandidateRoutes } from './allocation-candidates/routes.ts';
import { allocationRoutes } from './allocations/routes.ts';
import type { PlacementConfig } from './config.ts';
import type { PlacementDeps, PlacementRoute } from './deps.ts';
import { renderPlacementFault } from './faults.ts';
import { inventoryRoutes } from './inventories/routes.ts';
import { migratePlacement } from './migrate.ts';
import { placementPolicies } from './policy.ts';
import { reshaperRoutes } from './reshaper/routes.ts';
import { resourceClassRoutes } from './resource-classes/routes.ts';
import { resourceProviderRoutes } from './resource-providers/routes.ts';
import { MICROVERSIONS, rootRoutes } from './root/routes.ts';
import type { PlacementTables } from './tables.ts';
import { traitRoutes } from './traits/routes.ts';
import { usageRoutes } from './usages/routes.ts';

export const placementRoutes: readonly PlacementRoute[] = [
  ...rootRoutes,
  ...resourceProviderRoutes,
  ...inventoryRoutes,
  ...aggregateRoutes,
  ...traitRoutes,
  ...resourceClassRoutes,
  ...allocationRoutes,
  ...allocationCandidateRoutes,
  ...usageRoutes,
  ...reshaperRoutes,
];

/**
 * `shared`: compute's database in the same process, which placement's tables are brought into; it stays open. Two
 * connections to one SQLite file in one process would block each other.
 */
export async function createPlacementService<T>(
  context: Pick<ServiceContext, 'clock' | 'databaseUrl' | 'policyOverrides'>,
  _config: PlacementConfig = {},
  shared?: Database<T>,
): Promise<Service<PlacementDeps>> {
  const db = shared
    ? (shared as unknown as Database<PlacementTables>)
    : openDatabase<PlacementTables>(context.databaseUrl);
  await migratePlacement(db);
  const api: Api<PlacementDeps> = {
    name: 'placement',
    prefix: '/placement',
    routes: placementRoutes,
    deps: { db, clock: context.clock },
    enforcer: new Enforcer(placementPolicies, context.policyOverrides),
    microversions: MICROVERSIONS,
    faults: { 'no-media-type': 400 },
    renderFault: renderPlacementFault,
    bodyRules: {
      order: 'token, rule, body, schema',
      ignoredOf: ['GET', 'HEAD', 'DELETE'],
      isJson: (type) => type === 'application/json',
    },
    schemaMessage: ({ path, message }) =>
      `JSON does not validate: ${path === '' ? '' : `${path.slice(1)}: `}${message}`,
  };
  return {
    name: 'placement',
    api,
    start: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      if (!shared) await db[Symbol.asyncDispose]();
    },
  };
}
