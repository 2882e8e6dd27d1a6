// Takes away an image of a request that came to nothing, with the snapshots of volumes that were taken for it. May be repeated.
import type { ImageClient } from '#platform/clients/image.ts';
import type { VolumeClient } from '#platform/clients/volume.ts';
import type { Log } from '#platform/log/log.ts';
import type { ComputeDatabase } from '#compute/deps.ts';
import { MADE_FOR } from '#compute/block-devices/release.ts';
import type { PendingImageRow } from './tables.ts';
import { giveUpPendingImage, removePendingImage } from './store.ts';

export interface DiscardDeps {
  readonly db: ComputeDatabase;
  readonly image: ImageClient;
  readonly volume: VolumeClient;
  readonly log: Log;
  /** Of a service that may act for any project. */
  readonly serviceToken: () => Promise<string>;
}

/** @throws what a service answers when something cannot go yet: the row stays then, and it is tried again */
export async function discardImage(deps: DiscardDeps, row: PendingImageRow): Promise<void> {
  if (row.state === 'kept') return discardUnfilled(deps, row);
  const { kysely } = deps.db;
  if (!(await giveUpPendingImage(kysely, row))) return; // it has committed after all
  const token = await deps.serviceToken();
  if (await deps.image.findImage(token, row.id)) await deps.image.deleteImage(token, row.id);
  if (row.of_volumes === 1) {
    const made = await deps.volume.listSnapshots(token, { metadata: { [MADE_FOR]: row.id } });
    for (const { id } of made) await deps.volume.deleteSnapshot(token, id);
  }
  await removePendingImage(kysely, row.id);
}

/** Of an action that is over: what has data is somebody's image now. */
async function discardUnfilled(
  { db, image, serviceToken }: DiscardDeps,
  { id }: PendingImageRow,
): Promise<void> {
  const token = await serviceToken();
  const found = await image.findImage(token, id);
  if (found?.status === 'saving') return; // looked at again when that has ended
  if (found?.status === 'queued') await image.deleteImage(token, id);
  await removePendingImage(db.kysely, id);
}
