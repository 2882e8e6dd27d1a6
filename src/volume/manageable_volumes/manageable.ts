// What the routes and lists of things that a backend holds have in common: of volumes here, of snapshots in
// ../manageable_snapshots.
import type { Call, Handler, Route } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { StoredVolume } from '#drivers/volume/port.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import type { VolumeTables } from '#volume/tables.ts';
import { findNamedBackend, listStored, pageOf, referenceOf, type Listed } from './stored.ts';

export interface Manageable<T extends Listed> {
  readonly kind: 'volume' | 'snapshot';
  readonly thingsIn: (stored: StoredVolume) => readonly T[];
  /** Which of these the service knows. */
  readonly known: (db: Executor<VolumeTables>, ids: readonly string[]) => Promise<string[]>;
  /** What it tells beside what all tell. */
  readonly more?: (thing: T) => Readonly<Record<string, unknown>>;
}

/** A list of the backend that the query names by `host`, from 3.17 on or by `cluster`. */
const listOf =
  <T extends Listed>(of: Manageable<T>, { detail }: { readonly detail: boolean }): Handler<VolumeDeps> =>
  async (call, deps) => {
    const { host } = await backendOfQuery(call, deps);
    const page = pageOf(call, of.kind, (await listStored(deps, host)).flatMap(of.thingsIn));
    const ids = page.map(({ id }) => id);
    const known = new Set(await of.known(deps.db.kysely, ids));
    const details = (id: string): Record<string, unknown> => ({
      reason_not_safe: known.has(id) ? 'already managed' : null,
      cinder_id: known.has(id) ? id : null,
      extra_info: null,
    });
    return {
      [`manageable-${of.kind}s`]: page.map((thing) => ({
        reference: referenceOf(thing.id, of.kind),
        size: thing.size,
        safe_to_manage: !known.has(thing.id),
        ...of.more?.(thing),
        ...(detail ? details(thing.id) : {}),
      })),
    };
  };

async function backendOfQuery(call: Call, deps: VolumeDeps) {
  const cluster = atLeast(call.microversion, '3.17') ? call.query.get('cluster') : null;
  return findNamedBackend(deps, { host: call.query.get('host'), cluster });
}

/** Its old path, and the one that came with 3.8. */
export function manageableRoutes<T extends Listed>(
  of: Manageable<T>,
  listRule: string,
  manage: Pick<Route<VolumeDeps>, 'handler' | 'policy' | 'body'>,
): VolumeRoute[] {
  const backend = [503, 504];
  const at = (path: string, extra: Pick<VolumeRoute, 'since'>): VolumeRoute[] => [
    {
      method: 'GET',
      path,
      handler: listOf(of, { detail: false }),
      policy: listRule,
      errors: backend,
      ...extra,
    },
    {
      method: 'GET',
      path: `${path}/detail`,
      handler: listOf(of, { detail: true }),
      policy: listRule,
      errors: backend,
      ...extra,
    },
    { method: 'POST', path, ...manage, success: 202, errors: [413, ...backend], ...extra },
  ];
  return [...at(`/os-${of.kind}-manage`, {}), ...at(`/manageable_${of.kind}s`, { since: '3.8' })];
}
