// Copies the content of one volume into a blank one in constant memory. Holes are left out, where the blank one reads as zeros.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockAccess, Extent } from '#drivers/volume/port.ts';

const CHUNK = 2 ** 20; // larger: more memory a copy; smaller: more requests to the backends
const AT_ONCE = 4; // chunks under way; more gain little on a disk that both backends share

/**
 * Safe from a loss of power when it resolves. May be repeated.
 * @param fillHoles what is not written reads as noise: the source's holes are made too
 * @returns bytes written
 */
export async function copyContent(
  from: BlockAccess,
  to: BlockAccess,
  signal: AbortSignal,
  fillHoles = false,
): Promise<number> {
  if (to.size < from.size)
    throw new VolumeBackendError('failed', `the copy has ${to.size} bytes, the volume ${from.size}`);
  const chunks = chunksOf(from, fillHoles, signal);
  let written = 0;
  const work = async (): Promise<void> => {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      const { offset, length, data } = next.value;
      if (data) await to.write(offset, await from.read(offset, length));
      else await to.zero(offset, length);
      written += length;
    }
  };
  // All are waited for: none may go on when the volumes are closed.
  const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  await to.flush();
  return written;
}

/** A generator answers one `next` after the other, so that several may ask it. */
async function* chunksOf(from: BlockAccess, holes: boolean, signal: AbortSignal): AsyncGenerator<Extent> {
  for await (const extent of from.extents(signal)) {
    if (!extent.data && !holes) continue;
    for (let at = 0; at < extent.length; at += CHUNK) {
      signal.throwIfAborted();
      yield { offset: extent.offset + at, length: Math.min(CHUNK, extent.length - at), data: extent.data };
    }
  }
}
