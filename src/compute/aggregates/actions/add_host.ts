// Puts a host into an aggregate, in placement as well.
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, NotFound } from '#compute/errors.ts';
import { setProviderAggregate } from '#placement/claim.ts';
import type { Call } from '#platform/http/api.ts';
import { assertNoServers, assertZone, changeAggregate } from '../change.ts';
import { insertHost, listAggregates, nodesOf } from '../store.ts';

export async function addHost(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { host } = (call.body as { add_host: { host: string } }).add_host;
  return changeAggregate(call, deps, async (trx, aggregate) => {
    const nodes = await nodesOf(trx, host);
    if (nodes.length === 0) throw new NotFound(`Compute host ${host} could not be found.`, 'no-such-host');
    if (aggregate.hosts.includes(host))
      throw new Conflict(
        `Cannot add host to aggregate ${aggregate.row.id}. Reason: ${host} is in it already`,
        'host-in-aggregate',
      );
    const zone = aggregate.metadata['availability_zone'];
    await assertZone(trx, aggregate, [host], zone, 'add host to aggregate');
    const now = (await listAggregates(trx)).find(
      (each) => each.hosts.includes(host) && each.metadata['availability_zone'],
    )?.metadata['availability_zone'];
    if (zone !== undefined && zone !== (now ?? deps.config.defaultAvailabilityZone))
      await assertNoServers(trx, aggregate, [host], 'add host to aggregate');
    await insertHost(trx, aggregate.row.id, host);
    for (const node of nodes) await setProviderAggregate(trx, node, aggregate.row.uuid, true);
  });
}
