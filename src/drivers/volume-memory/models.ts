// The models of this process by name: what a network is to real backends. A volume that one of them has connected can be
// read by who has its connection. Called by driver.ts and by open-connection.ts.
import { createHash } from 'node:crypto';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockAccess } from '#drivers/volume/port.ts';

type Open = (volumeId: string) => BlockAccess;

const models = new Map<string, Open>();

/** The name is the same after a restart on the same directory, and tells nothing of it. */
export function offerModel(directory: string, open: Open): { readonly name: string; end(): void } {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  models.set(name, open);
  return {
    name,
    end: () => {
      if (models.get(name) === open) models.delete(name);
    },
  };
}

/** For reading. @throws VolumeBackendError */
export async function openInModel(name: string, volumeId: string): Promise<BlockAccess> {
  const open = models.get(name);
  if (!open) throw new VolumeBackendError('unreachable', `there is no model ${name} in this process`);
  return open(volumeId);
}
