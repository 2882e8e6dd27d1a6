// Ends operations that their service has left and nobody works on any more, as the loop of late ones does, without waiting for
// their deadlines. Called on the queue of a service: for itself, or for a member of its cluster that is down.
import type { VolumeDeps } from '#volume/deps.ts';
import { endHung } from '#volume/loops/expire-operations.ts';
import { listRunning, operationsInOutbox } from '#volume/operations/store.ts';
import { VOLUME_CHANGED, type CleanUpMessage, type VolumeChanged } from '#volume/rpc.ts';

/**
 * An operation whose message is still to be delivered is not ended: its service takes it up where its record ends. Unless the
 * service is another: that one is down.
 * @param inHand ids of what the caller works on
 */
export async function cleanUp(
  deps: Pick<VolumeDeps, 'db' | 'bus' | 'clock' | 'config' | 'log'> & { readonly host?: string },
  request: CleanUpMessage,
  inHand: ReadonlySet<string>,
): Promise<void> {
  const forAnother = request.host !== null && request.host !== deps.host;
  const running = await listRunning(deps.db.kysely, request);
  const due = forAnother ? new Set<string>() : await operationsInOutbox(deps.db.kysely);
  const left = running.filter(({ id }) => !inHand.has(id) && !due.has(id));
  for (const { id, resource_type, resource_id } of left) {
    await deps.db.transaction(async (trx) =>
      endHung(trx, deps, id, 'was interrupted and has been cleaned up'),
    );
    await deps.bus.publish(VOLUME_CHANGED, {
      resource: resource_type,
      id: resource_id,
    } satisfies VolumeChanged);
  }
  deps.log.info({ host: request.host, ended: left.length, kept: running.length - left.length }, 'cleaned up');
}
