// Brings docs/api-index.md and the lists behind it up to the route tables. Called by `pileus api-index`.
import { writeFile } from 'node:fs/promises';
import { collectRoutes, SERVICES } from './collect.ts';
import { isOffered, operationOf, routesByKey } from './join.ts';
import { keyOf, type Operation } from './operation.ts';
import { API_INDEX, renderApiIndex } from './render.ts';
import { readTestedBy, withoutStale, writeTestedBy } from './tested-by.ts';
import { dropStaleReasons } from './upstream.ts';

/**
 * Drops reasons of operations that are offered now, forgets tests and operations that are gone, and writes the index.
 * @returns the path of the index
 */
export async function refreshApiIndex(): Promise<string> {
  const routes = routesByKey(await collectRoutes());
  for (const service of SERVICES)
    dropStaleReasons(service, (operation: Operation) => isOffered(operation, routes));
  const offered = new Set([...routes.values()].flat().map(operationOf).map(keyOf));
  writeTestedBy(
    withoutStale(
      readTestedBy(),
      (key) => offered.has(key.replace(/^(\w+) HEAD /, '$1 GET ')) || offered.has(key),
    ),
  );
  await writeFile(API_INDEX, await renderApiIndex());
  return API_INDEX;
}
