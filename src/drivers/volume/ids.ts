// Ids that backends make names of files, exports and images from. Called by each backend before it touches anything.
import { VolumeBackendError } from './errors.ts';

/** Ids are UUIDs as a rule; operators may manage volumes in under other names. No dots and slashes: ids name files. */
const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** @throws VolumeBackendError failed, when one of them could name something that is not ours */
export function checkIds(...ids: readonly string[]): void {
  const bad = ids.find((id) => !SAFE_ID.test(id));
  if (bad !== undefined)
    throw new VolumeBackendError('failed', `not an id: ${JSON.stringify(bad.slice(0, 80))}`);
}
