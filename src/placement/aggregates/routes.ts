// `/resource_providers/{uuid}/aggregates`: the groups that a provider is in, by UUIDs of others.
import { ok } from '#placement/answers.ts';
import type { PlacementDeps, PlacementRoute } from '#placement/deps.ts';
import { normalUuid } from '#placement/query.ts';
import { bumpGeneration, getProvider } from '#placement/resource-providers/store.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call, Reply } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { Type } from 'typebox';
import { listAggregates, replaceAggregates } from './store.ts';

const path = '/resource_providers/:id/aggregates';
const ids = Type.Array(Type.String({ pattern: '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$' }), {
  uniqueItems: true,
  maxItems: 1000,
});
const since = '1.1';

export const aggregateRoutes: readonly PlacementRoute[] = [
  { method: 'GET', path, handler: list, policy: 'placement:resource_providers:aggregates:list', since },
  {
    method: 'PUT',
    path,
    handler: replace,
    policy: 'placement:resource_providers:aggregates:update',
    body: [
      { schema: ids },
      {
        since: '1.19',
        schema: Type.Object(
          { aggregates: ids, resource_provider_generation: Type.Integer({ minimum: 0 }) },
          { additionalProperties: false },
        ),
      },
    ],
    since,
    errors: [409],
  },
];

async function list(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const provider = await getProvider(db.kysely, call.params['id'] ?? '');
  return ok(call, view(call, await listAggregates(db.kysely, provider.id), provider.generation), [
    provider.updated_at,
  ]);
}

function view(call: Call, aggregates: readonly string[], generation: number): unknown {
  return {
    aggregates,
    ...(atLeast(call.microversion, '1.19') ? { resource_provider_generation: generation } : {}),
  };
}

async function replace(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const body = call.body as string[] | { aggregates: string[]; resource_provider_generation: number };
  const wanted = (Array.isArray(body) ? body : body.aggregates).map((id) => normalUuid(id) ?? id);
  const now = isoTime(clock);
  const answer = await db.transaction(async (trx) => {
    const provider = await getProvider(trx, call.params['id'] ?? '');
    // Before 1.19 the provider's generation neither guarded this nor moved by it.
    const generation = Array.isArray(body)
      ? provider.generation
      : await bumpGeneration(trx, provider, body.resource_provider_generation, now);
    await replaceAggregates(trx, provider.id, wanted);
    return view(call, await listAggregates(trx, provider.id), generation);
  });
  return ok(call, answer, [now]);
}
