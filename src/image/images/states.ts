// Which statuses an image's data goes through, and what may begin from which. Pure.
import { Conflict, Forbidden, Invalid } from '../errors.ts';
import type { ImageRow, ImageStatus } from '../tables.ts';

const UPLOADABLE: ReadonlySet<ImageStatus> = new Set(['queued']);

/** @throws Conflict */
export function requireUploadable(image: ImageRow): void {
  if (UPLOADABLE.has(image.status)) return;
  throw new Conflict(
    `Image status transition from ${image.status} to saving is not allowed: data is sent once, to a queued image.`,
    'not-queued',
  );
}

/** @throws Invalid */
export function requireFormats(image: ImageRow): void {
  if (image.disk_format !== null && image.container_format !== null) return;
  throw new Invalid('Properties disk_format and container_format must be set before data is sent.');
}

/** Whether `upload_id` names data in the staging area. */
export function isStaged({ status, upload_id }: ImageRow): boolean {
  return (status === 'uploading' || status === 'importing') && upload_id !== null;
}

/** Deactivate and reactivate say yes again to what is so already. @throws Forbidden */
export function requireSwitchable(image: ImageRow, to: 'active' | 'deactivated'): void {
  if (image.status === 'active' || image.status === 'deactivated') return;
  throw new Forbidden(`Not allowed to make an image ${to} that is in status '${image.status}'`, 'bad-status');
}
