// Changes what a consumer has by what one provider gives: bandwidth for a port that comes to a server or leaves it. In the
// caller's transaction; reached through claim.ts.
import type { Executor } from '#platform/sql/database.ts';
import type { Transaction } from 'kysely';
import { findCandidates } from './allocation-candidates/find-candidates.ts';
import { emptyGroup, type RequestGroup } from './allocation-candidates/request.ts';
import { placement, reserve, type Resources } from './reserve-store.ts';
import type { PlacementTables } from './tables.ts';

/** One provider gives all of `resources`, and has all of `required`. */
export interface Granular {
  readonly resources: Resources;
  readonly required: readonly string[];
}

/**
 * Gives the consumer more, of one provider in the tree that it has something of already.
 * @returns the provider; undefined when none has it
 */
export async function claimMoreInTransaction<T>(
  trx: Transaction<T>,
  consumerId: string,
  more: Granular,
): Promise<string | undefined> {
  const db = placement(trx);
  const now = new Date().toISOString();
  const held = await db.selectFrom('allocations').selectAll().where('consumer_id', '=', consumerId).execute();
  const provider = await findProvider(
    db,
    held.map((row) => row.provider_id),
    more,
  );
  if (provider === undefined) return undefined;
  const own = held.filter((row) => row.provider_id === provider);
  const resources = sumOf(
    Object.fromEntries(own.map((row) => [row.resource_class, row.used])),
    more.resources,
  );
  await reserve(db, { providerId: provider, resources, consumerId }, now);
  await db
    .insertInto('allocations')
    .values(
      Object.keys(more.resources).map((name) => ({
        consumer_id: consumerId,
        provider_id: provider,
        resource_class: name,
        used: resources[name] ?? 0,
        updated_at: now,
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['consumer_id', 'provider_id', 'resource_class'])
        .doUpdateSet((eb) => ({ used: eb.ref('excluded.used'), updated_at: now })),
    )
    .execute();
  await bumpConsumer(db, consumerId, now);
  return provider;
}

/** One that has it, in the tree of one of `near`. */
async function findProvider(
  db: Executor<PlacementTables>,
  near: readonly string[],
  more: Granular,
): Promise<string | undefined> {
  for (const inTree of new Set(near)) {
    const group: RequestGroup = {
      ...emptyGroup('_more'),
      resources: more.resources,
      required: more.required.map((trait) => [trait]),
      inTree,
    };
    const [found] = (await findCandidates(db, { groups: [group] })).candidates;
    const [provider] = found?.mappings['_more'] ?? [];
    if (provider !== undefined) return provider;
  }
  return undefined;
}

function sumOf(a: Resources, b: Resources): Record<string, number> {
  const sum = { ...a };
  for (const [name, amount] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + amount;
  return sum;
}

async function bumpConsumer(db: Executor<PlacementTables>, id: string, now: string): Promise<void> {
  await db
    .updateTable('consumers')
    .set((eb) => ({ generation: eb('generation', '+', 1), updated_at: now }))
    .where('id', '=', id)
    .execute();
}

/** Takes from the consumer what one provider gave it; nothing happens when none gives so much. */
export async function giveBackInTransaction<T>(
  trx: Transaction<T>,
  consumerId: string,
  less: Granular,
): Promise<void> {
  const db = placement(trx);
  const now = new Date().toISOString();
  const provider = await servingIn(db, [consumerId], less);
  if (provider === undefined) return;
  for (const [name, amount] of Object.entries(less.resources)) {
    const part = db
      .updateTable('allocations')
      .set((eb) => ({ used: eb('used', '-', amount), updated_at: now }))
      .where('consumer_id', '=', consumerId)
      .where('provider_id', '=', provider)
      .where('resource_class', '=', name);
    await part.execute();
  }
  await db.deleteFrom('allocations').where('consumer_id', '=', consumerId).where('used', '<=', 0).execute();
  await db
    .updateTable('resource_providers')
    .set((eb) => ({ generation: eb('generation', '+', 1), updated_at: now }))
    .where('id', '=', provider)
    .execute();
  await bumpConsumer(db, consumerId, now);
}

/** The provider below the host's own that gives one of the consumers this. */
export async function findServing<T>(
  db: Executor<T>,
  consumers: readonly string[],
  hostName: string,
  group: Granular,
): Promise<string | undefined> {
  const root = await placement(db)
    .selectFrom('resource_providers')
    .select('root_id')
    .where('name', '=', hostName)
    .executeTakeFirst();
  return root && servingIn(placement(db), consumers, group, root.root_id);
}

async function servingIn(
  db: Executor<PlacementTables>,
  consumers: readonly string[],
  { resources, required }: Granular,
  rootId?: string,
): Promise<string | undefined> {
  let query = db
    .selectFrom('allocations')
    .innerJoin('resource_providers', 'resource_providers.id', 'allocations.provider_id')
    .select(['allocations.provider_id', 'allocations.resource_class', 'allocations.used'])
    .where('allocations.consumer_id', 'in', [...consumers]);
  if (rootId !== undefined) query = query.where('resource_providers.root_id', '=', rootId);
  const rows = Map.groupBy(await query.execute(), (row) => row.provider_id);
  for (const [provider, held] of rows) {
    const gives = Object.entries(resources).every(([name, amount]) =>
      held.some((row) => row.resource_class === name && row.used >= amount),
    );
    if (!gives) continue;
    const traits = await db
      .selectFrom('provider_traits')
      .select('trait')
      .where('provider_id', '=', provider)
      .execute();
    if (required.every((name) => traits.some((row) => row.trait === name))) return provider;
  }
  return undefined;
}
