// Finds every route of every service: all tables that a `routes.ts` (or `<what>-routes.ts`) exports, with the file that
// answers each. Read by render.ts and by the tests that go through all routes.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Action, Route } from '#platform/http/api.ts';

export const SERVICES = ['identity', 'compute', 'placement', 'image', 'network', 'volume'] as const;
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface IndexedRoute {
  readonly service: (typeof SERVICES)[number];
  readonly route: Route<never>;
  /** Undefined but for action routes, which have one entry an action. */
  readonly action: Action<never> | undefined;
  /** The file of the handler, from the repository's root. */
  readonly file: string;
}

export async function collectRoutes(): Promise<IndexedRoute[]> {
  const found: IndexedRoute[] = [];
  const seen = new Set<unknown>();
  for (const service of SERVICES) {
    const tables = globSync(`src/${service}/**/{routes,*-routes}.ts`, { cwd: ROOT }).toSorted();
    for (const table of tables) {
      const owners = await importedBy(table);
      const exported = Object.values((await import(pathToFileURL(join(ROOT, table)).href)) as object);
      for (const route of exported.flat().filter(isRoute)) {
        if (seen.has(route)) continue; // a table that gathers others shows them again
        seen.add(route);
        for (const action of route.actions ?? [undefined])
          found.push({
            service,
            route: withVersion(service, route),
            action,
            file: owners.get((action ?? route).handler) ?? table,
          });
      }
    }
  }
  return found;
}

/** The volume service's tables have paths below the version: each is served with a project before it as well. */
function withVersion(service: string, route: Route<never>): Route<never> {
  const isWhole = service !== 'volume' || route.path === '/' || route.path.startsWith('/v3');
  return isWhole ? route : { ...route, path: `/v3${route.path}` };
}

function isRoute(value: unknown): value is Route<never> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'method' in value &&
    'path' in value &&
    ('handler' in value || 'actions' in value)
  );
}

/** Functions by the file that exports them, of all that `table` imports of its own service. */
async function importedBy(table: string): Promise<ReadonlyMap<unknown, string>> {
  const text = readFileSync(join(ROOT, table), 'utf8');
  const files = [...text.matchAll(/^(?:import|\}) (?!type\b).*from '(\.[^']+)';$/gm)].map((match) =>
    normalize(join(dirname(table), match[1] ?? '')),
  );
  const owners = new Map<unknown, string>();
  for (const file of files) {
    const exported = (await import(pathToFileURL(join(ROOT, file)).href)) as object;
    for (const value of Object.values(exported)) {
      // An action may be exported whole, with its key and body.
      const handler = (value as { handler?: unknown } | null)?.handler ?? value;
      if (typeof handler === 'function') owners.set(handler, file);
    }
  }
  return owners;
}
