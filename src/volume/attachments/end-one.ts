// Ends one attachment of a volume: for the actions that came before the attachments API.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { AttachmentNotFound, InvalidVolume } from '#volume/errors.ts';
import type { VolumeRow } from '#volume/tables.ts';
import { findVolumeRow, updateVolume } from '#volume/volumes/store.ts';
import { assertUnused } from './assert-unused.ts';
import { release } from './reserve.ts';
import { listOfVolume } from './store.ts';

/** @throws InvalidVolume when none is named and there are several; AttachmentNotFound */
export async function endOne(
  call: Call,
  deps: VolumeDeps,
  volume: VolumeRow,
  id: string | undefined,
): Promise<void> {
  const before = await listOfVolume(deps.db.kysely, volume.id);
  const found = id === undefined ? before : before.filter((each) => each.id === id);
  await assertUnused(call, deps, found);
  await deps.db.transaction(async (trx) => {
    const all = await listOfVolume(trx, volume.id);
    if (id === undefined && all.length > 1)
      throw new InvalidVolume(`Detach volume failed: it has ${all.length} attachments, and none is named.`);
    const checked = all.filter((each) => found.some((known) => known.id === each.id));
    const one = id === undefined ? checked[0] : checked.find((each) => each.id === id);
    if (!one && id !== undefined) throw new AttachmentNotFound(id);
    if (!one) return;
    await release(trx, deps, one);
    // Only a volume that is whole is ever attached: an error that was declared since ends with its last attachment.
    const { lifecycle } = (await findVolumeRow(trx, volume.id)) ?? volume;
    if (all.length === 1 && lifecycle === 'error')
      await updateVolume(trx, volume.id, { lifecycle: 'available' });
  });
}
