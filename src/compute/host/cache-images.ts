// Loads images into the host's cache before a server needs them. One that can't be had is logged: a launch will say why.
import { causeChain } from '#platform/errors/domain-error.ts';
import type { AgentRpc } from '../rpc.ts';
import { locate } from '../tasks/launch/image.ts';
import type { HostDeps } from './deps.ts';

export async function cacheImages(
  deps: HostDeps,
  { image_ids, user_token }: Parameters<AgentRpc['cacheImages']>[0],
): Promise<void> {
  for (const id of image_ids) {
    try {
      const image = await locate(deps, id, user_token);
      if (deps.rootDisks.canClone(image)) continue; // it is nearer than a cache already
      const open = async () => deps.image.openData(user_token, id, await deps.serviceToken());
      const cached = await deps.imageCache.load(image, image.location, open, deps.signal);
      deps.log.info({ image_id: id, bytes: cached.bytes, hit: cached.hit }, 'image is in the cache');
    } catch (error) {
      if (deps.signal.aborted) throw error;
      deps.log.warn({ image_id: id, causes: causeChain(error) }, 'image could not be loaded ahead');
    }
  }
}
