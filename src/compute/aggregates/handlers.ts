// Lists, shows, creates, changes and removes aggregates.
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, InvalidInput } from '#compute/errors.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import { assertNoServers, assertZone, changeAggregate, getAggregate } from './change.ts';
import { insertAggregate, listAggregates, removeAggregate, updateAggregate } from './store.ts';
import { aggregateView } from './view.ts';

export async function list(call: Call, { db }: ComputeDeps): Promise<unknown> {
  const aggregates = await listAggregates(db.kysely);
  return { aggregates: aggregates.map((each) => aggregateView(each, call.microversion)) };
}

export async function show(call: Call, { db }: ComputeDeps): Promise<unknown> {
  return {
    aggregate: aggregateView(await getAggregate(db.kysely, call.params['id'] ?? ''), call.microversion),
  };
}

const exists = (name: string): Conflict =>
  new Conflict(`Aggregate ${name} already exists.`, 'aggregate-exists');

interface Body {
  readonly aggregate: { readonly name?: string; readonly availability_zone?: string | null };
}

export async function create(call: Call, { db, clock }: ComputeDeps): Promise<unknown> {
  const { name = '', availability_zone } = (call.body as Body).aggregate;
  const metadata = availability_zone ? { availability_zone } : {};
  const row = {
    uuid: crypto.randomUUID(),
    name,
    metadata_json: JSON.stringify(metadata),
    created_at: isoTime(clock),
    updated_at: null,
  };
  try {
    const made = await db.transaction(async (trx) => insertAggregate(trx, row));
    const {
      hosts: _hosts,
      metadata: _metadata,
      ...view
    } = aggregateView({ row: made, hosts: [], metadata: {} }, call.microversion);
    return { aggregate: { ...view, availability_zone: availability_zone ?? null } };
  } catch (error) {
    throw isUniqueViolation(error) ? exists(name) : error;
  }
}

export async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { name, availability_zone } = (call.body as Body).aggregate;
  try {
    return await changeAggregate(call, deps, async (trx, aggregate) => {
      const zoneChanges =
        availability_zone !== undefined &&
        (availability_zone ?? undefined) !== aggregate.metadata['availability_zone'];
      if (zoneChanges) {
        await assertZone(trx, aggregate, aggregate.hosts, availability_zone ?? undefined, 'update aggregate');
        await assertNoServers(trx, aggregate, aggregate.hosts, 'update aggregate');
      }
      const { availability_zone: _old, ...rest } = aggregate.metadata;
      const metadata =
        availability_zone === undefined
          ? aggregate.metadata
          : { ...rest, ...(availability_zone ? { availability_zone } : {}) };
      await updateAggregate(trx, aggregate.row.id, {
        ...(name === undefined ? {} : { name }),
        metadata_json: JSON.stringify(metadata),
        updated_at: isoTime(deps.clock),
      });
    });
  } catch (error) {
    throw isUniqueViolation(error) ? exists(name ?? '') : error;
  }
}

export async function remove(call: Call, { db }: ComputeDeps): Promise<Reply> {
  await db.transaction(async (trx) => {
    const { row, hosts } = await getAggregate(trx, call.params['id'] ?? '');
    if (hosts.length > 0)
      throw new InvalidInput(
        `Cannot delete aggregate ${row.id}. Reason: Host aggregate is not empty`,
        'aggregate-not-empty',
      );
    await removeAggregate(trx, row.id);
  });
  return new Reply(200);
}
