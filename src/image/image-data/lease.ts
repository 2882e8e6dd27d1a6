// Takes an image for one upload and shows that the uploader lives: the row goes to `saving` (or `uploading`, for staging) with a lease that is renewed
// for as long as data comes. Whoever dies or is stalled loses it, and the sweep makes the image queued again.
import { setInterval, clearInterval } from 'node:timers';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, ImageNotFound } from '../errors.ts';
import { findImageRow, updateImage } from '../images/store.ts';
import { requireUploadable } from '../images/states.ts';
import type { ImageRow, ImageStatus } from '../tables.ts';

export interface UploadLease extends AsyncDisposable {
  /** Aborts when the lease is lost: the image was deleted, or the database could not be reached in time. */
  readonly signal: AbortSignal;
}

/** @throws Conflict when somebody else was faster */
export async function startLease(
  deps: ImageDeps,
  image: ImageRow,
  uploadId: string,
  status: Extract<ImageStatus, 'saving' | 'uploading'> = 'saving',
): Promise<UploadLease> {
  const until = (): string => new Date(deps.clock.now() + deps.config.uploadLeaseMs).toISOString();
  const set = { status, upload_id: uploadId, upload_lease: until() } as const;
  if (!(await updateImage(deps.db.kysely, image.id, { status: 'queued' }, set))) {
    const now = await findImageRow(deps.db.kysely, image.id);
    if (!now) throw new ImageNotFound(image.id);
    requireUploadable(now);
    throw new Conflict(`Image ${image.id} changed meanwhile: try again.`, 'changed-meanwhile');
  }
  const controller = new AbortController();
  let renewing: Promise<void> = Promise.resolve();
  const renew = async (): Promise<void> => {
    const when = { status, upload_id: uploadId };
    const held = await updateImage(deps.db.kysely, image.id, when, { upload_lease: until() });
    if (!held)
      controller.abort(
        new DomainError(
          'gone',
          'image-gone',
          `Image ${image.id} was deleted during the upload; its data is removed.`,
        ),
      );
  };
  const timer = setInterval(() => {
    renewing = renewing
      .then(renew)
      .catch((error: unknown) =>
        deps.log.warn({ image_id: image.id, err: error }, 'upload lease not renewed'),
      );
  }, deps.config.uploadLeaseMs / 3);
  return {
    signal: controller.signal,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await renewing;
    },
  };
}
