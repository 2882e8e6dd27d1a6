// What a backend's service does with an encrypted volume. Below it, on the backend, all is LUKS: a header and ciphertext. The
// passphrase is the volume's own; what it was cloned or restored from had another one, so that its header is locked anew.
import { changePassphrase, formatLuks, openLuks } from '#drivers/volume-luks/volume.ts';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockAccess, VolumeSource } from '#drivers/volume/port.ts';
import { passphraseOf } from '#volume/keys/keys.ts';
import type { Passphrase } from '#volume/keys/keyring.ts';
import { encryptionOfType } from '#volume/types/encryption/encryption-of.ts';
import type { VolumeRow } from '#volume/tables.ts';
import type { BackendDeps } from './deps.ts';

type Needs = Pick<BackendDeps, 'driver' | 'db' | 'dataDir'>;
type Encrypted = Pick<VolumeRow, 'id' | 'encrypted' | 'volume_type_id'>;

/** What a guest sees of the volume, encrypted or not. */
export async function openContent(
  deps: Needs,
  volume: Pick<VolumeRow, 'id' | 'encrypted'>,
  mode: 'ro' | 'rw',
): Promise<BlockAccess> {
  const access = await deps.driver.open({ volumeId: volume.id }, mode);
  if (volume.encrypted === 0) return access;
  return inTheClear(access, async () => passphraseOf(deps, deps.db.kysely, volume.id));
}

/** Closes what it can not open. */
export async function inTheClear(
  access: BlockAccess,
  passphrase: () => Promise<Passphrase>,
): Promise<BlockAccess> {
  try {
    return await openLuks(access, await passphrase());
  } catch (error) {
    await access[Symbol.asyncDispose]();
    throw error;
  }
}

/** A volume that its backend has made. May be repeated. */
export async function encryptNew(deps: Needs, volume: VolumeRow, source: VolumeSource): Promise<void> {
  if (volume.backup_id !== null) return; // all of it, the header too, is in the backup
  if (source.kind === 'blank') return format(deps, volume);
  await using access = await deps.driver.open({ volumeId: volume.id }, 'rw');
  await lockAnew(deps, volume, source.volumeId, access);
}

/** Locks what was made from an encrypted volume or backup with the volume's own passphrase. May be repeated. */
export async function lockAnew(
  deps: Pick<Needs, 'db' | 'dataDir'>,
  { id }: Pick<VolumeRow, 'id'>,
  sourceId: string,
  access: BlockAccess,
): Promise<void> {
  const { kysely } = deps.db;
  const from = await passphraseOf(deps, kysely, sourceId);
  await changePassphrase(access, from, await passphraseOf(deps, kysely, id));
}

/** Nothing that the volume held is left; one that is encrypted gets a new header, and with it a new volume key. */
export async function eraseVolume(deps: Needs, volume: Encrypted): Promise<void> {
  {
    await using access = await deps.driver.open({ volumeId: volume.id }, 'rw');
    await access.zero(0, access.size);
  }
  if (volume.encrypted === 1) await format(deps, volume);
}

async function format(deps: Needs, volume: Encrypted): Promise<void> {
  await using access = await deps.driver.open({ volumeId: volume.id }, 'rw');
  await formatFor(deps, volume.volume_type_id, access, await passphraseOf(deps, deps.db.kysely, volume.id));
}

/** An empty encrypted volume as the type asks for it. */
export async function formatFor(
  deps: Pick<Needs, 'db'>,
  typeId: string | null,
  access: BlockAccess,
  passphrase: Passphrase,
): Promise<void> {
  const encryption = await encryptionOfType(deps.db.kysely, typeId);
  if (!encryption) throw new VolumeBackendError('failed', 'the type of the volume asks for no encryption');
  await formatLuks(access, passphrase, encryption.keyBits);
}
