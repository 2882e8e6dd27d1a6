// Joins upstream's operations with the route tables of this program and the record of tests: one row an operation. Read by
// render.ts, by `pileus api-index` and by the test that holds the three together.
import { collectRoutes, SERVICES, type IndexedRoute } from './collect.ts';
import type { VersionText } from '#platform/microversion/microversion.ts';
import { asGet, keyOf, withoutAction, type Operation } from './operation.ts';
import { readTestedBy } from './tested-by.ts';
import { readUpstream, type OwnOperation, type UpstreamOperation } from './upstream.ts';

export interface Row {
  readonly operation: Operation;
  /** Empty where it is not offered; several where a version changes the route. */
  readonly routes: readonly IndexedRoute[];
  /** Undefined for an operation of our own. */
  readonly upstream: UpstreamOperation | undefined;
  readonly own: OwnOperation | undefined;
  /** Test files in which it succeeded, from the repository's root. */
  readonly testedBy: readonly string[];
}

export interface Index {
  readonly rows: readonly Row[];
  /** Routes that neither upstream nor the list of our own has. */
  readonly unknown: readonly IndexedRoute[];
}

export function operationOf({ service, route, action }: IndexedRoute): Operation {
  return { service, method: route.method, path: route.path, action: action?.key };
}

/** @param routes of all services, as collect.ts finds them */
export function routesByKey(routes: readonly IndexedRoute[]): ReadonlyMap<string, readonly IndexedRoute[]> {
  return Map.groupBy(routes, (route) => keyOf(operationOf(route)));
}

/** The routes that answer an operation: GET's may answer HEAD, and one route may read all actions of a path. */
function answering(
  operation: Operation,
  routes: ReadonlyMap<string, readonly IndexedRoute[]>,
): readonly IndexedRoute[] {
  const names = [operation, asGet(operation), withoutAction(operation)];
  return names.map((name) => routes.get(keyOf(name))).find((found) => found !== undefined) ?? [];
}

/** The routes of another path, all of its actions. */
function ofTwin(
  { service, method }: Operation,
  path: string,
  all: readonly IndexedRoute[],
): readonly IndexedRoute[] {
  return all.filter(
    (each) => each.service === service && each.route.method === method && each.route.path === path,
  );
}

/** The versions of a route or of one of its actions. */
export function versionsOf({ route, action }: IndexedRoute): {
  readonly since: VersionText | undefined;
  readonly until: VersionText | undefined;
} {
  return { since: action?.since ?? route.since, until: action?.until ?? route.until };
}

/** Whether a table has it, by what `routesByKey` found. */
export function isOffered(
  operation: Operation,
  routes: ReadonlyMap<string, readonly IndexedRoute[]>,
): boolean {
  return answering(operation, routes).length > 0;
}

export async function joinIndex(): Promise<Index> {
  const all = await collectRoutes();
  const routes = routesByKey(all);
  const tested = readTestedBy();
  const lists = SERVICES.map(readUpstream);
  const rowOf = (operation: Operation): Omit<Row, 'upstream' | 'own'> => {
    const answers = answering(operation, routes);
    const [first] = answers;
    return {
      // As the table names its parameters.
      operation: first ? { ...operation, path: first.route.path } : operation,
      routes: answers,
      testedBy: [...(tested.get(keyOf(operation)) ?? tested.get(keyOf(withoutAction(operation))) ?? [])],
    };
  };
  const twinOf = (upstream: UpstreamOperation): Partial<Pick<Row, 'routes' | 'testedBy'>> => {
    if (upstream.twin === undefined) return {};
    const same = ofTwin(upstream, upstream.twin, all);
    const names = same.flatMap((each) => [...(tested.get(keyOf(operationOf(each))) ?? [])]);
    return { routes: same, testedBy: [...new Set(names)] };
  };
  const rows = lists.flatMap(({ operations, own }) => [
    ...operations.map((upstream): Row => ({
      ...rowOf(upstream),
      ...twinOf(upstream),
      upstream,
      own: undefined,
    })),
    ...own.map((each): Row => ({ ...rowOf(each), upstream: undefined, own: each })),
  ]);
  const listed = new Set(rows.flatMap((row) => row.routes));
  return { rows, unknown: all.filter((route) => !listed.has(route)) };
}
