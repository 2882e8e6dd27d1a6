// SQL of allocations and consumers. `replaceAllocations` is the one writer for the REST API; compute claims by `claim.ts`.
import { shortageOf } from '#placement/capacity.ts';
import type { PlacementExecutor } from '#placement/deps.ts';
import { BadRequest, Conflict, describeShortage } from '#placement/errors.ts';
import { assertClasses } from '#placement/names.ts';
import type { AllocationRow, ConsumerRow } from '#placement/tables.ts';
import { sql } from 'kysely';

/** What a consumer shall have: amounts by provider and class; none: it is released. */
export interface WantedAllocations {
  readonly consumerId: string;
  readonly projectId: string;
  readonly userId: string;
  /** Undefined: as it is (null for a new consumer). */
  readonly consumerType: string | undefined;
  /** What the caller knows: null for a consumer that is not there yet, undefined where the version does not guard. */
  readonly consumerGeneration: number | null | undefined;
  readonly byProvider: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

export async function findConsumer(db: PlacementExecutor, id: string): Promise<ConsumerRow | undefined> {
  return db.selectFrom('consumers').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listOfConsumer(
  db: PlacementExecutor,
  id: string,
): Promise<Array<AllocationRow & { generation: number }>> {
  return db
    .selectFrom('allocations')
    .innerJoin('resource_providers', 'resource_providers.id', 'allocations.provider_id')
    .selectAll('allocations')
    .select('resource_providers.generation')
    .where('consumer_id', '=', id)
    .orderBy('provider_id')
    .orderBy('resource_class')
    .execute();
}

export async function listOfProvider(
  db: PlacementExecutor,
  providerId: string,
): Promise<Array<AllocationRow & { consumer_generation: number }>> {
  return db
    .selectFrom('allocations')
    .innerJoin('consumers', 'consumers.id', 'allocations.consumer_id')
    .selectAll('allocations')
    .select('consumers.generation as consumer_generation')
    .where('provider_id', '=', providerId)
    .orderBy('consumer_id')
    .orderBy('resource_class')
    .execute();
}

/** Sets what each of the consumers has, all or nothing. Call in a transaction. @throws Conflict, BadRequest */
export async function replaceAllocations(
  trx: PlacementExecutor,
  wanted: readonly WantedAllocations[],
  now: string,
): Promise<void> {
  const touched = new Set<string>();
  for (const each of wanted) {
    const known = await findConsumer(trx, each.consumerId);
    assertGeneration(each, known);
    for (const row of await listOfConsumer(trx, each.consumerId)) touched.add(row.provider_id);
    await trx.deleteFrom('allocations').where('consumer_id', '=', each.consumerId).execute();
    await saveConsumer(trx, each, known, now);
  }
  await assertClasses(
    trx,
    wanted.flatMap((each) => [...each.byProvider.values()].flatMap((amounts) => Object.keys(amounts))),
  );
  for (const providerId of new Set(wanted.flatMap((each) => [...each.byProvider.keys()]))) {
    touched.add(providerId);
    await assertCapacity(trx, providerId, wanted);
  }
  const rows = wanted.flatMap((each) =>
    [...each.byProvider].flatMap(([provider_id, amounts]) =>
      Object.entries(amounts).map(([resource_class, used]) => ({
        consumer_id: each.consumerId,
        provider_id,
        resource_class,
        used,
        updated_at: now,
      })),
    ),
  );
  if (rows.length > 0) await trx.insertInto('allocations').values(rows).execute();
  if (touched.size > 0) {
    await trx
      .updateTable('resource_providers')
      .set((eb) => ({ generation: eb('generation', '+', 1), updated_at: now }))
      .where('id', 'in', [...touched])
      .execute();
  }
}

function assertGeneration(wanted: WantedAllocations, known: ConsumerRow | undefined): void {
  const { consumerGeneration: expected } = wanted;
  if (expected === undefined || expected === (known?.generation ?? null)) return;
  throw new Conflict(
    `consumer generation conflict - expected ${known?.generation ?? 'null'} but got ${expected ?? 'null'}`,
    'concurrent-update',
  );
}

/** A consumer is there as long as it has something. */
async function saveConsumer(
  trx: PlacementExecutor,
  wanted: WantedAllocations,
  known: ConsumerRow | undefined,
  now: string,
): Promise<void> {
  if (wanted.byProvider.size === 0) {
    await trx.deleteFrom('consumers').where('id', '=', wanted.consumerId).execute();
    return;
  }
  const facts = {
    project_id: wanted.projectId,
    user_id: wanted.userId,
    consumer_type: wanted.consumerType ?? known?.consumer_type ?? null,
    updated_at: now,
  };
  if (known) {
    await trx
      .updateTable('consumers')
      .set({ ...facts, generation: known.generation + 1 })
      .where('id', '=', known.id)
      .execute();
  } else
    await trx
      .insertInto('consumers')
      .values({ id: wanted.consumerId, generation: 1, created_at: now, ...facts })
      .execute();
}

/** The consumers' own old amounts are gone by now; what is left are the others'. */
async function assertCapacity(
  trx: PlacementExecutor,
  providerId: string,
  wanted: readonly WantedAllocations[],
): Promise<void> {
  const provider = await trx
    .selectFrom('resource_providers')
    .select('id')
    .where('id', '=', providerId)
    .executeTakeFirst();
  if (!provider)
    throw new BadRequest(`Allocation for resource provider '${providerId}' that does not exist.`);
  const inventories = await trx
    .selectFrom('inventories')
    .selectAll()
    .where('provider_id', '=', providerId)
    .execute();
  const rows = await trx
    .selectFrom('allocations')
    .select(['resource_class', sql<number>`sum(used)`.as('used')])
    .where('provider_id', '=', providerId)
    .groupBy('resource_class')
    .execute();
  const used = new Map(rows.map((row) => [row.resource_class, Number(row.used)]));
  for (const each of wanted) {
    for (const [name, amount] of Object.entries(each.byProvider.get(providerId) ?? {})) {
      const inventory = inventories.find((row) => row.resource_class === name);
      const shortage = shortageOf(name, amount, inventory, used.get(name) ?? 0);
      if (shortage)
        throw new Conflict(
          `Unable to allocate inventory: Unable to create allocation for '${name}' on resource provider '${providerId}': ${describeShortage(shortage)}.`,
        );
      used.set(name, (used.get(name) ?? 0) + amount);
    }
  }
}

/** Removes all that a consumer has. False when it has nothing. */
export async function removeAllocations(
  trx: PlacementExecutor,
  consumerId: string,
  now: string,
): Promise<boolean> {
  const rows = await listOfConsumer(trx, consumerId);
  if (rows.length === 0) return false;
  const nobody = { projectId: '', userId: '', consumerType: undefined, consumerGeneration: undefined };
  await replaceAllocations(trx, [{ consumerId, ...nobody, byProvider: new Map() }], now);
  return true;
}
