// Copies a backup back into a volume, each block checked against its checksum before it is written. Memory is constant.
import type { BlockAccess } from '#drivers/volume/port.ts';
import { BLOCK_BYTES } from './index-format.ts';
import { BackupChain } from './index-reader.ts';
import type { Manifest } from './manifest.ts';
import { BackupStoreError, type BackupObjects } from './objects/port.ts';

export interface CopyIn {
  readonly objects: BackupObjects;
  readonly set: string;
  /** The volume reads as zeros: holes need not be made. */
  readonly blank: boolean;
  readonly signal: AbortSignal;
}

/**
 * Overwrites the volume: what it holds beyond the backup reads as zeros after. May be repeated.
 * @returns bytes that were written, and what the backup says of its volume
 */
export async function copyIn(
  access: BlockAccess,
  { objects, set, blank, signal }: CopyIn,
): Promise<{ bytesWritten: number; manifest: Manifest }> {
  await using chain = await BackupChain.open(objects, set);
  const { manifest } = chain;
  if (manifest.size > access.size)
    throw new BackupStoreError('failed', 'The volume is smaller than the backup.');
  let bytesWritten = 0;
  let hole = 0; // where the hole that is not made yet begins
  const fillTo = async (offset: number): Promise<void> => {
    if (!blank && offset > hole) await access.zero(hole, offset - hole);
  };
  for (let block = 0; block < manifest.blocks; block += 1) {
    signal.throwIfAborted();
    const offset = block * BLOCK_BYTES;
    const data = await chain.read(block, Math.min(BLOCK_BYTES, manifest.size - offset));
    if (!data) continue;
    await fillTo(offset);
    await access.write(offset, data);
    bytesWritten += data.length;
    hole = offset + data.length;
  }
  await fillTo(access.size);
  await access.flush();
  return { bytesWritten, manifest };
}
