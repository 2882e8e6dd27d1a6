// The content of a volume as raw bytes, holes as zeros, in constant memory: what an upload sends.
import { Readable } from 'node:stream';
import type { BlockAccess } from '#drivers/volume/port.ts';

const CHUNK = 2 ** 20;
const ZEROS = Buffer.alloc(CHUNK);

export function rawStream(access: BlockAccess, signal: AbortSignal): Readable {
  return Readable.from(pieces(access, signal), { objectMode: false, highWaterMark: CHUNK });
}

async function* pieces(access: BlockAccess, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const extent of access.extents(signal)) {
    for (let at = 0; at < extent.length; at += CHUNK) {
      signal.throwIfAborted();
      const length = Math.min(CHUNK, extent.length - at);
      yield extent.data ? await access.read(extent.offset + at, length) : ZEROS.subarray(0, length);
    }
  }
}
