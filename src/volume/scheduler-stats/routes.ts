// `/scheduler-stats/get_pools`: what the scheduler knows of each pool.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { readBoolean } from '#volume/paging.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { explainSpecs } from '../scheduler/spec-match.ts';
import { findType } from '../types/store.ts';
import { listServices } from '../os-services/store.ts';
import { capabilitiesView, poolsOf, type Pool } from './pools.ts';

const GET_POOLS = 'scheduler_extension:scheduler_stats:get_pools';

export const poolPolicies: readonly PolicyRule[] = [
  rule(GET_POOLS, ADMIN, 'List the pools of all backends.'),
];

async function list(call: Call, { db, clock, config }: VolumeDeps): Promise<unknown> {
  const specs = await specsOfAsked(call, db);
  const detail = readBoolean('detail', call.query.get('detail') ?? 'false');
  const pools = poolsOf(await listServices(db.kysely), clock.now(), config).filter(
    (pool) =>
      specs !== undefined &&
      fits(call, pool) &&
      explainSpecs({ pool: pool.backend, stats: pool.stats }, specs) === undefined,
  );
  return {
    pools: pools.map((pool) => ({
      name: pool.name,
      ...(detail ? { capabilities: capabilitiesView(pool) } : {}),
    })),
  };
}

/** What the type of the filter `volume_type` (3.35) asks of a pool; undefined when there is no such type. */
async function specsOfAsked(
  call: Call,
  db: VolumeDeps['db'],
): Promise<Readonly<Record<string, string>> | undefined> {
  const wanted = atLeast(call.microversion, '3.35') ? call.query.get('volume_type') : null;
  if (wanted === null) return {};
  const viewer = { projectId: call.principal.projectId, all: true };
  return (await findType(db.kysely, wanted, viewer, { byName: true }))?.extraSpecs;
}

/** Names and capabilities filter from 3.28 on: equal as text. */
function fits(call: Call, pool: Pool): boolean {
  if (!atLeast(call.microversion, '3.28')) return true;
  const facts: Record<string, unknown> = { ...capabilitiesView(pool), name: pool.name };
  return [...call.query].every(
    ([name, value]) =>
      !Object.hasOwn(facts, name) || String(facts[name]).toLowerCase() === value.toLowerCase(),
  );
}

export const poolRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/scheduler-stats/get_pools', handler: list, policy: GET_POOLS },
];
