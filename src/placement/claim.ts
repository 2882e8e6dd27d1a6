// Claims and releases resources inside a transaction of the caller's: the one door through which compute writes
// placement's tables, so that a claim and the instance's host commit together. The scheduler and the conductor call it.
import type { Executor } from '#platform/sql/database.ts';
import type { Transaction } from 'kysely';
import { capacityOf } from './capacity.ts';
import { placement, reserve, type Resources } from './reserve-store.ts';
import { isCustomName, isStandardTrait } from './standard-names.ts';
import type { InventoryRow, PlacementTables } from './tables.ts';

export { NoCapacity } from './errors.ts';
export { claimMoreInTransaction, findServing, giveBackInTransaction } from './granular-store.ts';
export { findCandidates, type ExplainedSearch } from './allocation-candidates/find-candidates.ts';
export { isCustomName, isStandardClass, isStandardTrait } from './standard-names.ts';

export interface Claim {
  readonly consumerId: string;
  readonly projectId: string;
  readonly userId: string;
  /** The host's own provider. */
  readonly providerId: string;
  readonly resources: Resources;
  /** Providers beside it that give something too: nested ones, shared ones. */
  readonly others?: ReadonlyMap<string, Resources>;
}

/**
 * Gives the consumer exactly `resources` of the provider, in place of whatever it had anywhere. `trx` must be a
 * transaction of `Database.transaction` (serializable, or SQLite's single writer): then racing claims never overcommit.
 * @throws NoCapacity, NoSuchProvider
 */
export async function claimInTransaction<T>(trx: Transaction<T>, claim: Claim): Promise<void> {
  const db = placement(trx);
  const now = new Date().toISOString();
  const parts = new Map([[claim.providerId, claim.resources], ...(claim.others ?? [])]);
  // In one order for all, or two claims that cross would wait for each other.
  for (const [providerId, resources] of [...parts].toSorted(([x], [y]) => x.localeCompare(y)))
    await reserve(db, { providerId, resources, consumerId: claim.consumerId }, now);
  await db.deleteFrom('allocations').where('consumer_id', '=', claim.consumerId).execute();
  await db
    .insertInto('consumers')
    .values({
      id: claim.consumerId,
      generation: 1,
      project_id: claim.projectId,
      user_id: claim.userId,
      consumer_type: 'INSTANCE',
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((eb) => ({
        generation: eb('consumers.generation', '+', 1),
        project_id: claim.projectId,
        user_id: claim.userId,
        updated_at: now,
      })),
    )
    .execute();
  const rows = [...parts].flatMap(([provider_id, resources]) =>
    Object.entries(resources).map(([resource_class, used]) => ({
      consumer_id: claim.consumerId,
      provider_id,
      resource_class,
      used,
      updated_at: now,
    })),
  );
  if (rows.length > 0) await db.insertInto('allocations').values(rows).execute();
}

export interface Hold {
  readonly from: string;
  readonly to: string;
  /** Of the consumer `to`: `MIGRATION`, `INSTANCE`. */
  readonly type: string;
  readonly projectId: string;
  readonly userId: string;
}

/**
 * What `from` has is `to`'s from then on, in place of what that had; nothing changes for the providers. When `from` has
 * nothing, or `to` has something already, nothing happens: the swap was made before.
 */
export async function holdInTransaction<T>(trx: Transaction<T>, hold: Hold): Promise<void> {
  const db = placement(trx);
  const now = new Date().toISOString();
  const has = async (consumer: string): Promise<boolean> =>
    (await db
      .selectFrom('allocations')
      .select('provider_id')
      .where('consumer_id', '=', consumer)
      .executeTakeFirst()) !== undefined;
  if (!(await has(hold.from)) || (await has(hold.to))) return;
  await db
    .insertInto('consumers')
    .values({
      id: hold.to,
      generation: 1,
      project_id: hold.projectId,
      user_id: hold.userId,
      consumer_type: hold.type,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  await db
    .updateTable('allocations')
    .set({ consumer_id: hold.to, updated_at: now })
    .where('consumer_id', '=', hold.from)
    .execute();
}

/**
 * Undoes a hold: `from` (the server) has again what `to` (its move) holds, and nothing else; the move's consumer ends.
 * When the move holds nothing, the server keeps what it has.
 */
export async function endHoldInTransaction<T>(trx: Transaction<T>, hold: Hold): Promise<void> {
  const held = await placement(trx)
    .selectFrom('allocations')
    .select('provider_id')
    .where('consumer_id', '=', hold.to)
    .executeTakeFirst();
  if (!held) return;
  await releaseInTransaction(trx, hold.from);
  await holdInTransaction(trx, { ...hold, from: hold.to, to: hold.from });
  await releaseInTransaction(trx, hold.to);
}

/** Gives back all that the consumer has; nothing happens when it has nothing. Its generation ends with it. */
export async function releaseInTransaction<T>(trx: Transaction<T>, consumerId: string): Promise<void> {
  const db = placement(trx);
  const held = await db
    .selectFrom('allocations')
    .select('provider_id')
    .distinct()
    .where('consumer_id', '=', consumerId)
    .execute();
  if (held.length > 0) {
    await db.deleteFrom('allocations').where('consumer_id', '=', consumerId).execute();
    await db
      .updateTable('resource_providers')
      .set((eb) => ({ generation: eb('generation', '+', 1), updated_at: new Date().toISOString() }))
      .where(
        'id',
        'in',
        held.map((row) => row.provider_id),
      )
      .execute();
  }
  await db.deleteFrom('consumers').where('id', '=', consumerId).execute();
}

/** What a host tells of itself, as far as placement keeps it. Compute's `HostReport` is one. */
export interface HostInventory {
  readonly hypervisor_hostname: string;
  readonly vcpus: number;
  readonly memory_mb: number;
  readonly local_gb: number;
  readonly traits: readonly string[];
}

export interface HostProviderOptions {
  /** Taken for a new inventory only: an operator may change it later through the API. */
  readonly cpuRatio?: number;
  readonly ramRatio?: number;
  readonly diskRatio?: number;
  readonly reservedMemoryMb?: number;
}

/**
 * Keeps the resource provider of a compute node in line with what its host reports: provider, inventory, traits.
 * Ratios and reserved amounts are set once, at the start; `CUSTOM_` traits that an operator added stay.
 * `id` is the compute node's; a provider that bears the node's name already keeps its own.
 * @returns the provider's id
 */
export async function ensureHostProvider<T>(
  trx: Transaction<T>,
  id: string,
  host: HostInventory,
  options: HostProviderOptions = {},
): Promise<string> {
  const db = placement(trx);
  const now = new Date().toISOString();
  const known = await db
    .selectFrom('resource_providers')
    .select('id')
    .where('name', '=', host.hypervisor_hostname)
    .executeTakeFirst();
  const provider = known?.id ?? id;
  if (!known) {
    const row = { id, name: host.hypervisor_hostname, generation: 0, parent_id: null, root_id: id };
    await db
      .insertInto('resource_providers')
      .values({ ...row, created_at: now, updated_at: now })
      .execute();
  }
  const inventoryChanged = await keepInventory(db, provider, host, options, now);
  const traitsChanged = await keepTraits(db, provider, host.traits, now);
  if (inventoryChanged || traitsChanged) {
    await db
      .updateTable('resource_providers')
      .set((eb) => ({ generation: eb('generation', '+', 1), updated_at: now }))
      .where('id', '=', provider)
      .execute();
  }
  return provider;
}

async function keepInventory(
  db: Executor<PlacementTables>,
  id: string,
  host: HostInventory,
  options: HostProviderOptions,
  now: string,
): Promise<boolean> {
  const wanted = [
    { resource_class: 'VCPU', total: host.vcpus, reserved: 0, ratio: options.cpuRatio ?? 4 },
    {
      resource_class: 'MEMORY_MB',
      total: host.memory_mb,
      // A host that has less than this is a model or a mistake; reserving more than there is would be refused.
      reserved: Math.min(options.reservedMemoryMb ?? 512, host.memory_mb - 1),
      ratio: options.ramRatio ?? 1,
    },
    { resource_class: 'DISK_GB', total: host.local_gb, reserved: 0, ratio: options.diskRatio ?? 1 },
  ].filter((each) => each.total > 0);
  const rows = await db.selectFrom('inventories').selectAll().where('provider_id', '=', id).execute();
  let changed = false;
  for (const { resource_class, total, reserved, ratio } of wanted) {
    const row = rows.find((each) => each.resource_class === resource_class);
    if (row && row.total === total && row.max_unit === total) continue;
    changed = true;
    const next: InventoryRow = {
      provider_id: id,
      resource_class,
      total,
      reserved: Math.min(row?.reserved ?? reserved, total),
      min_unit: row?.min_unit ?? 1,
      max_unit: total,
      step_size: row?.step_size ?? 1,
      allocation_ratio: row?.allocation_ratio ?? ratio,
      updated_at: now,
    };
    await db
      .insertInto('inventories')
      .values(next)
      .onConflict((conflict) => conflict.columns(['provider_id', 'resource_class']).doUpdateSet(next))
      .execute();
  }
  return changed;
}

async function keepTraits(
  db: Executor<PlacementTables>,
  id: string,
  reported: readonly string[],
  now: string,
): Promise<boolean> {
  const wanted = new Set(reported.filter((name) => isStandardTrait(name) || isCustomName(name)));
  const rows = await db.selectFrom('provider_traits').select('trait').where('provider_id', '=', id).execute();
  const known = new Set(rows.map((row) => row.trait));
  const added = [...wanted].filter((name) => !known.has(name));
  const gone = [...known].filter((name) => !wanted.has(name) && isStandardTrait(name));
  const custom = added.filter(isCustomName).map((name) => ({ name, created_at: now }));
  if (custom.length > 0)
    await db
      .insertInto('custom_traits')
      .values(custom)
      .onConflict((c) => c.doNothing())
      .execute();
  if (added.length > 0)
    await db
      .insertInto('provider_traits')
      .values(added.map((trait) => ({ provider_id: id, trait })))
      .execute();
  if (gone.length > 0)
    await db.deleteFrom('provider_traits').where('provider_id', '=', id).where('trait', 'in', gone).execute();
  return added.length + gone.length > 0;
}

/** (total - reserved) × ratio in whole units, as a claim counts it. */
export { capacityOf };

/** Puts the provider into the aggregate of that UUID or takes it out, as compute's host aggregates do. */
export async function setProviderAggregate<T>(
  trx: Transaction<T>,
  providerId: string,
  aggregateId: string,
  member: boolean,
): Promise<void> {
  const db = placement(trx);
  const row = { provider_id: providerId, aggregate_id: aggregateId };
  if (member)
    await db
      .insertInto('provider_aggregates')
      .values(row)
      .onConflict((c) => c.doNothing())
      .execute();
  else
    await db
      .deleteFrom('provider_aggregates')
      .where('provider_id', '=', providerId)
      .where('aggregate_id', '=', aggregateId)
      .execute();
  await db
    .updateTable('resource_providers')
    .set((eb) => ({ generation: eb('generation', '+', 1), updated_at: new Date().toISOString() }))
    .where('id', '=', providerId)
    .execute();
}

/**
 * Removes a node's provider and those below it with all that belongs to them; their allocations must be gone. Nothing
 * happens when there is none.
 */
export async function removeHostProvider<T>(trx: Transaction<T>, providerId: string): Promise<void> {
  const db = placement(trx);
  const tree = db.selectFrom('resource_providers').select('id').where('root_id', '=', providerId);
  for (const table of ['inventories', 'provider_traits', 'provider_aggregates'] as const)
    await db.deleteFrom(table).where('provider_id', 'in', tree).execute();
  await db.deleteFrom('resource_providers').where('root_id', '=', providerId).execute();
}
