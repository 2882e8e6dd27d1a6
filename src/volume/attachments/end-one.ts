// Ends one attachment of a volume: for the actions that came before the attachments API.
import type { VolumeDeps } from '#volume/deps.ts';
import { AttachmentNotFound, InvalidVolume } from '#volume/errors.ts';
import type { VolumeRow } from '#volume/tables.ts';
import { release } from './reserve.ts';
import { listOfVolume } from './store.ts';

/** @throws InvalidVolume when none is named and there are several; AttachmentNotFound */
export async function endOne(deps: VolumeDeps, volume: VolumeRow, id: string | undefined): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const all = await listOfVolume(trx, volume.id);
    if (id === undefined && all.length > 1)
      throw new InvalidVolume(`Detach volume failed: it has ${all.length} attachments, and none is named.`);
    const one = id === undefined ? all[0] : all.find((each) => each.id === id);
    if (!one && id !== undefined) throw new AttachmentNotFound(id);
    if (one) await release(trx, deps, one);
  });
}
