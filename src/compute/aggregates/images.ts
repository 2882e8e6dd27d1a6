// `POST /os-aggregates/{id}/images`: the aggregate's hosts load images ahead of the servers that will need them.
import { enqueue } from '#platform/bus/outbox.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { agentQueue, type AgentRpc } from '#compute/rpc.ts';
import { isUp } from '#compute/services/states.ts';
import { listServices } from '#compute/services/store.ts';
import { getAggregate } from './change.ts';

/** Hosts that are down are passed over: they load what they need when they need it. */
export async function cacheImages(call: Call, deps: ComputeDeps): Promise<void> {
  const { cache } = call.body as { readonly cache: ReadonlyArray<{ readonly id: string }> };
  const image_ids = cache.map(({ id }) => id.toLowerCase());
  if (new Set(image_ids).size < image_ids.length) throw new InvalidInput('Duplicate images in request');
  await deps.db.transaction(async (trx) => {
    const { hosts } = await getAggregate(trx, call.params['id'] ?? '');
    const up = (await listServices(trx)).filter((service) => isUp(service, deps.clock.now()));
    for (const host of hosts.filter((each) => up.some((service) => service.host === each))) {
      const agent = rpcClient<AgentRpc>(deps.bus, agentQueue(host));
      await enqueue(trx, agent.message('cacheImages', { image_ids, user_token: call.token ?? '' }));
    }
  });
}
