// Notes an image before it is made of a server, under the id that it will have: a request that dies half-way, or an action that
// ends before its agent took it up, leaves nothing behind (loops/discard-images.ts).
import { randomUUID } from 'node:crypto';
import { isoTime } from '#platform/context/clock.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { ChangedMeanwhile } from '#compute/errors.ts';
import { discardImage, type DiscardDeps } from './discard.ts';
import { insertPendingImage, keepPendingImage } from './store.ts';

export interface PendingImage {
  readonly id: string;
  /** In the transaction that records the action. @throws ChangedMeanwhile when the request took too long */
  keep(trx: ComputeExecutor, actionId: string): Promise<void>;
  /** When there is nothing to record after all: the image and the snapshots for it go, at once or with the next sweep. */
  cancel(): Promise<void>;
}

/** @param image `ofVolumes`: snapshots of volumes are made for it, marked as `MADE_FOR` it */
export async function reserveImage(
  deps: ComputeDeps,
  instanceId: string,
  image: { readonly ofVolumes: boolean },
): Promise<PendingImage> {
  const row = {
    id: randomUUID(),
    instance_id: instanceId,
    action_id: null,
    of_volumes: image.ofVolumes ? 1 : 0,
    state: 'reserving',
    created_at: isoTime(deps.clock),
  } as const;
  await insertPendingImage(deps.db.kysely, row);
  return {
    id: row.id,
    keep: async (trx, actionId) => {
      if (!(await keepPendingImage(trx, row.id, actionId))) throw new ChangedMeanwhile(instanceId);
    },
    cancel: async () => cancel(deps, row),
  };
}

/** A failure is logged and leaves the row, by which the loop finds it. */
async function cancel(deps: DiscardDeps, row: Parameters<typeof discardImage>[1]): Promise<void> {
  try {
    await discardImage(deps, row);
  } catch (error) {
    deps.log.warn({ err: error, image_id: row.id }, 'an image is to be taken away later');
  }
}
