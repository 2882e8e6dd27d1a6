// What every change of an aggregate shares: find it, keep zones unambiguous, and do it in one transaction.
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { Conflict, InvalidInput, NotFound } from '#compute/errors.ts';
import type { ComputeTables } from '#compute/tables.ts';
import type { Call } from '#platform/http/api.ts';
import type { Transaction } from 'kysely';
import { hostsWithServers, listAggregates, type Aggregate } from './store.ts';
import { aggregateView } from './view.ts';

/** @throws NotFound, and InvalidInput for what is no number */
export async function getAggregate(db: ComputeExecutor, id: string): Promise<Aggregate> {
  if (!/^[-+]?\d{1,20}$/.test(id))
    throw new InvalidInput(`Invalid value '${id.slice(0, 255)}' for id: it is no integer.`);
  const found = (await listAggregates(db)).find((each) => String(each.row.id) === id);
  if (!found) throw new NotFound(`Aggregate ${id.slice(0, 255)} could not be found.`, 'no-such-aggregate');
  return found;
}

/** Runs `change` on the aggregate of the path and answers with what it is then. */
export async function changeAggregate(
  call: Call,
  { db }: ComputeDeps,
  change: (trx: Transaction<ComputeTables>, aggregate: Aggregate) => Promise<void>,
): Promise<unknown> {
  const id = call.params['id'] ?? '';
  const changed = await db.transaction(async (trx) => {
    await change(trx, await getAggregate(trx, id));
    return getAggregate(trx, id);
  });
  return { aggregate: aggregateView(changed, call.microversion) };
}

/** A host is in one zone at most, and a host's zone does not change under its servers. @throws Conflict */
export async function assertZone(
  trx: ComputeExecutor,
  aggregate: Aggregate,
  hosts: readonly string[],
  zone: string | undefined,
  what: string,
): Promise<void> {
  const others = (await listAggregates(trx)).filter((each) => each.row.id !== aggregate.row.id);
  const clash = (each: Aggregate): boolean =>
    each.metadata['availability_zone'] !== undefined &&
    each.metadata['availability_zone'] !== zone &&
    each.hosts.some((host) => hosts.includes(host));
  const clashing = zone === undefined ? [] : others.filter(clash);
  if (clashing.length > 0) {
    const names = clashing.map((each) => each.metadata['availability_zone']).join(', ');
    throw new Conflict(
      `Cannot ${what} ${aggregate.row.id}. Reason: One or more hosts already in availability zone(s) ${names}`,
      'zone-clash',
    );
  }
}

/** @throws Conflict when a host with servers would get another zone by the change. */
export async function assertNoServers(
  trx: ComputeExecutor,
  aggregate: Aggregate,
  hosts: readonly string[],
  what: string,
): Promise<void> {
  const busy = await hostsWithServers(trx, hosts);
  if (busy.length > 0)
    throw new Conflict(
      `Cannot ${what} ${aggregate.row.id}. Reason: One or more hosts contain instances in this zone (${busy.join(', ')})`,
      'hosts-in-use',
    );
}
