// Takes away images of servers that came to nothing: of requests that died before they committed, and of actions that ended
// before their agent filled the image. Forgets those that are whole.
import { causeChain } from '#platform/errors/domain-error.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { ComputeDeps } from '../deps.ts';
import { discardImage } from '../pending-images/discard.ts';
import { listSettledImages } from '../pending-images/store.ts';

export function startDiscardImages(deps: ComputeDeps): Loop {
  return startLoop({
    name: 'discard-images',
    intervalMs: deps.config.releaseIntervalMs,
    log: deps.log,
    run: async () => discardImages(deps),
  });
}

/** One that fails does not stop the others. */
export async function discardImages(deps: ComputeDeps): Promise<void> {
  const before = new Date(deps.clock.now() - deps.config.reservationMs).toISOString();
  for (const row of await listSettledImages(deps.db.kysely, before)) {
    try {
      await discardImage(deps, row);
    } catch (error) {
      deps.log.warn(
        { server_id: row.instance_id, image_id: row.id, causes: causeChain(error) },
        'an image that came to nothing could not be taken away yet',
      );
    }
  }
}
