// Copies a volume into a blank one that is encrypted otherwise, or that alone of the two is: read through the encryption of the
// one, written through that of the other. Called by the tasks of a retype.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockAccess, Extent } from '#drivers/volume/port.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { passphraseIn, passphraseOf } from '#volume/keys/keys.ts';
import { findNextKey } from '#volume/keys/store.ts';
import { EncryptionKeyMissing } from '#volume/errors.ts';
import type { NewTypeMessage } from '#volume/rpc.ts';
import type { VolumeRow } from '#volume/tables.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';
import { copyContent } from './copy-content.ts';
import type { BackendDeps } from './deps.ts';
import { formatFor, inTheClear } from './encryption.ts';

/** The end of the volume is in use, and the header of an encrypted one needs as much. */
export class NoRoomForHeader extends DomainError {
  constructor(bytes: number) {
    super(
      'bad-request',
      'no-room-for-encryption',
      `An encrypted volume holds ${bytes} bytes less, and the end of this one holds data: extend it first.`,
    );
  }
}

export interface Copying {
  readonly from: BlockAccess;
  readonly to: BlockAccess;
  readonly signal: AbortSignal;
}

/** What the retyped volume's row says. */
export const typeChanges = ({ id, multiattach, encryption }: NewTypeMessage): Partial<VolumeRow> => ({
  volume_type_id: id,
  multiattach: multiattach ? 1 : 0,
  ...(encryption === null ? {} : { encrypted: encryption === 'luks' ? 1 : 0 }),
});

/** May be repeated. @returns bytes written @throws NoRoomForHeader */
export async function copyReencrypted(
  deps: BackendDeps,
  volumeId: string,
  newType: NewTypeMessage,
  { from, to, signal }: Copying,
): Promise<number> {
  const { kysely } = deps.db;
  const volume = await findVolumeRow(kysely, volumeId);
  if (!volume) throw new VolumeBackendError('absent', `volume ${volumeId} is gone`);
  const wasEncrypted = volume.encrypted === 1;
  const source = wasEncrypted
    ? await inTheClear(from, async () => passphraseOf(deps, kysely, volumeId))
    : from;
  const target = newType.encryption === 'luks' ? await encrypted(deps, volumeId, newType, to) : to;
  const whole = target.size < source.size ? await beginningOf(source, target.size) : source;
  // What was never written to an encrypted volume is noise, and no loss. A model would keep a block for every zero.
  const fillHoles = target !== to && !wasEncrypted && !(await deps.driver.stats()).simulated;
  return copyContent(whole, target, signal, fillHoles);
}

async function encrypted(
  deps: BackendDeps,
  volumeId: string,
  { id: typeId }: NewTypeMessage,
  access: BlockAccess,
): Promise<BlockAccess> {
  const key = await findNextKey(deps.db.kysely, volumeId);
  if (!key) throw new EncryptionKeyMissing(volumeId);
  const passphrase = await passphraseIn(deps, key);
  await formatFor(deps, typeId, access, passphrase);
  return inTheClear(access, async () => passphrase);
}

/** The source as if it ended at `size`. @throws NoRoomForHeader when there is anything behind that */
async function beginningOf(source: BlockAccess, size: number): Promise<BlockAccess> {
  const rest = await source.read(size, source.size - size);
  if (rest.some((byte) => byte !== 0)) throw new NoRoomForHeader(rest.length);
  return { ...source, size, extents: (signal) => extentsUpTo(source, size, signal) };
}

async function* extentsUpTo(source: BlockAccess, size: number, signal?: AbortSignal): AsyncGenerator<Extent> {
  for await (const { offset, length, data } of source.extents(signal)) {
    if (offset >= size) return;
    yield { offset, length: Math.min(length, size - offset), data };
  }
}
