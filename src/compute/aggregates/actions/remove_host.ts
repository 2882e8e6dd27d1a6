// Takes a host out of an aggregate, in placement as well.
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import { setProviderAggregate } from '#placement/claim.ts';
import type { Call } from '#platform/http/api.ts';
import { assertNoServers, changeAggregate } from '../change.ts';
import { nodesOf, removeHost as remove } from '../store.ts';

export async function removeHost(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { host } = (call.body as { remove_host: { host: string } }).remove_host;
  return changeAggregate(call, deps, async (trx, aggregate) => {
    if (!aggregate.hosts.includes(host))
      throw new NotFound(
        `Cannot remove host ${host} in aggregate ${aggregate.row.id}: it is not in it`,
        'host-not-in-aggregate',
      );
    const zone = aggregate.metadata['availability_zone'];
    if (zone !== undefined && zone !== deps.config.defaultAvailabilityZone)
      await assertNoServers(trx, aggregate, [host], 'remove host from aggregate');
    await remove(trx, aggregate.row.id, host);
    for (const node of await nodesOf(trx, host))
      await setProviderAggregate(trx, node, aggregate.row.uuid, false);
  });
}
