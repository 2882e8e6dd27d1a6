// Sets keys of an aggregate's metadata; null removes one.
import type { ComputeDeps } from '#compute/deps.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { assertNoServers, assertZone, changeAggregate } from '../change.ts';
import { updateAggregate } from '../store.ts';

export async function setMetadata(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { metadata } = (call.body as { set_metadata: { metadata: Record<string, string | null> } })
    .set_metadata;
  return changeAggregate(call, deps, async (trx, aggregate) => {
    const merged = Object.fromEntries(
      Object.entries({ ...aggregate.metadata, ...metadata }).filter(
        (entry): entry is [string, string] => entry[1] !== null,
      ),
    );
    if (merged['availability_zone'] !== aggregate.metadata['availability_zone']) {
      await assertZone(trx, aggregate, aggregate.hosts, merged['availability_zone'], 'update aggregate');
      await assertNoServers(trx, aggregate, aggregate.hosts, 'update aggregate');
    }
    await updateAggregate(trx, aggregate.row.id, {
      metadata_json: JSON.stringify(merged),
      updated_at: isoTime(deps.clock),
    });
  });
}
