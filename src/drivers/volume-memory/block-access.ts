// The content of a model's volume while it is open: reads and writes by blocks. Called by driver.ts.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { bytesOf, type BlockAccess, type Extent } from '#drivers/volume/port.ts';
import { BLOCK, type BlockPool } from './block-pool.ts';
import type { Content } from './saved-state.ts';

export interface AccessOptions {
  readonly content: Content;
  readonly pool: BlockPool;
  readonly mode: 'ro' | 'rw';
  /** Throws when no block more fits. */
  readonly checkSpace: () => void;
  readonly save: () => Promise<void>;
  readonly onClose: () => void;
}

interface Piece {
  readonly index: number;
  /** Within the block. */
  readonly start: number;
  readonly length: number;
  /** Within the request. */
  readonly at: number;
}

export function openContent(options: AccessOptions): BlockAccess {
  const { content, pool, mode, checkSpace, save, onClose } = options;
  const size = bytesOf(content.sizeGb);
  let open = true;
  let writing: Promise<void> = Promise.resolve();
  /** One write after the other: two may touch the same block. */
  const inOrder = async (act: () => Promise<void>): Promise<void> => {
    const mine = writing.then(act);
    writing = mine.catch(() => undefined);
    await mine;
  };
  const check = (offset: number, length: number, writes: boolean): void => {
    if (!open) throw new VolumeBackendError('failed', 'the volume is closed');
    if (writes && mode === 'ro')
      throw new VolumeBackendError('failed', 'the volume is open for reading only');
    if (offset < 0 || length < 0 || offset + length > size)
      throw new VolumeBackendError('failed', `${length} bytes at ${offset} are not within ${size} bytes`);
  };
  const put = async (piece: Piece, data: Buffer | undefined): Promise<void> => {
    const { index, start, length, at } = piece;
    const old = content.blocks.get(index);
    if (old === undefined && data === undefined) return;
    const whole = length === BLOCK;
    const block = whole || old === undefined ? Buffer.alloc(BLOCK) : await pool.read(old);
    if (data) data.copy(block, start, at, at + length);
    else block.fill(0, start, start + length);
    if (isZero(block)) {
      if (old !== undefined) pool.release([old]);
      content.blocks.delete(index);
      return;
    }
    if (old === undefined) checkSpace();
    content.blocks.set(index, await pool.write(old, block));
  };
  return {
    size,
    read: async (offset, length) => {
      check(offset, length, false);
      const result = Buffer.alloc(length);
      for (const piece of pieces(offset, length)) {
        const block = content.blocks.get(piece.index);
        if (block === undefined) continue;
        (await pool.read(block)).copy(result, piece.at, piece.start, piece.start + piece.length);
      }
      return result;
    },
    write: async (offset, data) => {
      check(offset, data.length, true);
      await inOrder(async () => {
        for (const piece of pieces(offset, data.length)) await put(piece, data);
      });
    },
    zero: async (offset, length) => {
      check(offset, length, true);
      const end = offset + length;
      await inOrder(async () => {
        // A volume may be terabytes of nothing: only blocks that are there are looked at.
        for (const index of content.blocks.keys().toArray()) {
          const from = Math.max(offset, index * BLOCK);
          const to = Math.min(end, (index + 1) * BLOCK);
          if (from < to)
            await put({ index, start: from - index * BLOCK, length: to - from, at: 0 }, undefined);
        }
      });
    },
    flush: async () => {
      check(0, 0, false);
      await writing;
      if (mode === 'rw') await save();
    },
    extents: (signal) => extentsOf(content, size, signal),
    [Symbol.asyncDispose]: async () => {
      if (!open) return;
      open = false;
      await writing;
      onClose();
      if (mode === 'rw') await save();
    },
  };
}

function isZero(block: Buffer): boolean {
  return block[0] === 0 && block.subarray(1).equals(block.subarray(0, -1));
}

function* pieces(offset: number, length: number): Generator<Piece> {
  for (let at = 0; at < length;) {
    const index = Math.floor((offset + at) / BLOCK);
    const start = offset + at - index * BLOCK;
    const taken = Math.min(BLOCK - start, length - at);
    yield { index, start, length: taken, at };
    at += taken;
  }
}

async function* extentsOf(content: Content, size: number, signal?: AbortSignal): AsyncGenerator<Extent> {
  const held = [...content.blocks.keys()].toSorted((a, b) => a - b);
  let end = 0;
  for (let at = 0; at < held.length;) {
    signal?.throwIfAborted();
    let next = at + 1;
    while (held[next] === held[next - 1]! + 1) next++; // within the list: the first is, and undefined ends it
    const offset = held[at]! * BLOCK; // `at` is within the list
    if (offset > end) yield { offset: end, length: offset - end, data: false };
    end = Math.min(size, offset + (next - at) * BLOCK);
    yield { offset, length: end - offset, data: true };
    at = next;
  }
  if (end < size) yield { offset: end, length: size - end, data: false };
}
