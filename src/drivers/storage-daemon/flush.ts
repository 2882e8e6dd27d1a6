// Has a block node written out to its file, tables that QEMU keeps in memory included. The daemon's monitor has no command for
// it; NBD has. Called by daemon.ts around the end of a copy.
import { randomBytes } from 'node:crypto';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { NbdClient } from '#platform/nbd/client.ts';
import type { StorageDaemon } from './daemon.ts';

/** Exports of this kind end at once; one that stays was made for a service that died. */
export const FLUSH_EXPORT = 'flush-';

/** @throws VolumeBackendError when it cannot be known to be on the disk */
export async function flushNode(
  daemon: Pick<StorageDaemon, 'nbd' | 'addExport' | 'removeExport'>,
  node: string,
): Promise<void> {
  const id = `${FLUSH_EXPORT}${randomBytes(12).toString('hex')}`;
  await daemon.addExport({ id, node, name: id, writable: false, writethrough: false });
  try {
    await using client = await NbdClient.connect({ address: daemon.nbd, exportName: id });
    await client.flush();
  } catch (cause) {
    throw new VolumeBackendError('failed', `node ${node} could not be written out`, { cause });
  } finally {
    await daemon.removeExport(id);
  }
}
