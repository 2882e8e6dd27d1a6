// Brings docs/api-index.md and the lists behind it up to the route tables. Called by `pileus api-index`.
import { writeFile } from 'node:fs/promises';
import { collectRoutes, SERVICES } from './collect.ts';
import { isOffered, routesByKey } from './join.ts';
import { keyOf, type Operation } from './operation.ts';
import { API_INDEX, renderApiIndex } from './render.ts';
import { operationOfKey, readTestedBy, withoutLostFiles, writeTestedBy } from './tested-by.ts';
import { dropStaleReasons } from './upstream.ts';

/**
 * Drops reasons of operations that are offered or succeed now, forgets tests and operations that are gone, and writes the index.
 * @returns the path of the index
 */
export async function refreshApiIndex(): Promise<string> {
  const routes = routesByKey(await collectRoutes());
  const has = (operation: Operation): boolean => isOffered(operation, routes);
  const tested = new Map([...readTestedBy()].filter(([key]) => has(operationOfKey(key))));
  for (const service of SERVICES)
    dropStaleReasons(service, { isOffered: has, isTested: (operation) => tested.has(keyOf(operation)) });
  writeTestedBy(withoutLostFiles(tested));
  await writeFile(API_INDEX, await renderApiIndex());
  return API_INDEX;
}
