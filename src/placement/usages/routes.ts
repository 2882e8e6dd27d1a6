// `/usages` and `/resource_providers/{uuid}/usages`: sums over allocations, never a counter.
import { ok } from '#placement/answers.ts';
import type { PlacementDeps, PlacementRoute } from '#placement/deps.ts';
import { BadRequest } from '#placement/errors.ts';
import { listInventories, usageOf } from '#placement/inventories/store.ts';
import { refuseUnknown } from '#placement/query.ts';
import { getProvider } from '#placement/resource-providers/store.ts';
import type { Call, Reply } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { countConsumers, sumByType } from './store.ts';

export const usageRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/resource_providers/:id/usages',
    handler: ofProvider,
    policy: 'placement:resource_providers:usages',
  },
  { method: 'GET', path: '/usages', handler: ofProject, since: '1.9' },
];

async function ofProvider(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const provider = await getProvider(db.kysely, call.params['id'] ?? '');
  const inventories = await listInventories(db.kysely, provider.id);
  const used = await usageOf(db.kysely, provider.id);
  const usages = Object.fromEntries(
    inventories.map((row) => [row.resource_class, used.get(row.resource_class) ?? 0]),
  );
  return ok(call, { resource_provider_generation: provider.generation, usages }, [provider.updated_at]);
}

async function ofProject(call: Call, { db }: PlacementDeps): Promise<Reply> {
  refuseUnknown(call, { project_id: '1.9', user_id: '1.9', consumer_type: '1.38' });
  const projectId = call.query.get('project_id');
  if (!projectId)
    throw new BadRequest("Invalid query string parameters: 'project_id' is a required property");
  call.enforce('placement:usages', { project_id: projectId });
  const type = call.query.get('consumer_type');
  if (type !== null && !/^([A-Z0-9_]+|unknown|all)$/.test(type))
    throw new BadRequest(`Invalid query string parameters: '${type.slice(0, 255)}' is no type of consumers`);
  const owner = { projectId, userId: call.query.get('user_id') };
  const rows = await sumByType(db.kysely, owner);
  if (!atLeast(call.microversion, '1.38')) {
    const usages: Record<string, number> = {};
    for (const row of rows) usages[row.resource_class] = (usages[row.resource_class] ?? 0) + row.used;
    return ok(call, { usages });
  }
  return ok(call, { usages: await byType(call, rows, await countConsumers(db.kysely, owner)) });
}

async function byType(
  call: Call,
  rows: ReadonlyArray<{ type: string; resource_class: string; used: number }>,
  consumers: ReadonlyMap<string, number>,
): Promise<Record<string, Record<string, number>>> {
  const wanted = call.query.get('consumer_type');
  const usages: Record<string, Record<string, number>> = {};
  for (const row of rows) {
    const type = wanted === 'all' ? 'all' : row.type;
    if (wanted !== null && wanted !== 'all' && wanted !== row.type) continue;
    const usage = (usages[type] ??= { consumer_count: 0 });
    usage[row.resource_class] = (usage[row.resource_class] ?? 0) + row.used;
  }
  for (const [type, usage] of Object.entries(usages))
    usage['consumer_count'] =
      type === 'all' ? [...consumers.values()].reduce((a, b) => a + b, 0) : (consumers.get(type) ?? 0);
  return usages;
}
