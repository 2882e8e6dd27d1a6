// The encryption that volumes of a type get, as far as this cloud's hypervisors can do it. Called by whoever makes, clones,
// restores or retypes a volume.
import type { KeyBits } from '#drivers/volume-luks/volume.ts';
import type { Executor } from '#platform/sql/database.ts';
import { InvalidInput } from '#volume/errors.ts';
import type { VolumeTables, VolumeTypeEncryptionRow } from '#volume/tables.ts';
import { findEncryption } from './store.ts';

export interface VolumeEncryption {
  readonly provider: 'luks';
  readonly cipher: 'aes-xts-plain64';
  readonly keyBits: KeyBits;
}

/** Short, and as deployments from before the short names have it. */
const LUKS = ['luks', 'LuksEncryptor', 'nova.volume.encryptors.luks.LuksEncryptor'];
const CIPHER = 'aes-xts-plain64';
const DEFAULT_KEY_BITS = 256;

/** Undefined for a type without encryption. @throws InvalidInput for one that no hypervisor here can do */
export async function encryptionOfType(
  db: Executor<VolumeTables>,
  typeId: string | null,
): Promise<VolumeEncryption | undefined> {
  const row = typeId === null ? undefined : await findEncryption(db, typeId);
  return row && encryptionOf(row);
}

export function encryptionOf({
  provider,
  cipher,
  key_size,
  control_location,
}: Pick<VolumeTypeEncryptionRow, 'provider' | 'cipher' | 'key_size' | 'control_location'>): VolumeEncryption {
  if (control_location !== 'front-end')
    throw unsupported('its control location is back-end, and no backend of this cloud encrypts by itself');
  if (!LUKS.includes(provider)) throw unsupported(`its provider is ${provider.slice(0, 80)}, not luks`);
  if (cipher !== null && cipher !== '' && cipher !== CIPHER)
    throw unsupported(`its cipher is ${cipher.slice(0, 80)}, not ${CIPHER}`);
  const keyBits = key_size === null || key_size === 0 ? DEFAULT_KEY_BITS : key_size;
  if (keyBits !== 128 && keyBits !== 256)
    throw unsupported(`its key size is ${keyBits}, not 128 or 256 bits`);
  return { provider: 'luks', cipher: CIPHER, keyBits };
}

const unsupported = (why: string): InvalidInput =>
  new InvalidInput(
    `The volume type asks for encryption that is not offered here: ${why}.`,
    'encryption-not-offered',
  );

/** Whether data of the one can lie in a volume of the other as it is. */
export const isSameEncryption = (a: VolumeEncryption | undefined, b: VolumeEncryption | undefined): boolean =>
  a?.keyBits === b?.keyBits;

/** @throws InvalidInput: a volume of several servers would need its key on several hosts at once */
export function assertNotShared(encryption: VolumeEncryption | undefined, multiattach: boolean): void {
  if (encryption && multiattach)
    throw new InvalidInput(
      'An encrypted volume can not be attached more than once: its type must not ask for both.',
    );
}
