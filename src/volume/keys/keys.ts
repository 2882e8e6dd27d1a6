// Makes keys for encrypted volumes and their backups, and opens them for who must read such a volume: its backend's service,
// and compute, which gives them to hypervisors.
import { isoTime } from '#platform/context/clock.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { EncryptionKeyMissing } from '#volume/errors.ts';
import type { EncryptionKeyRow, VolumeTables } from '#volume/tables.ts';
import { newPassphrase, openKeyring, type Passphrase } from './keyring.ts';
import { findKeyOf } from './store.ts';

type Needs = Pick<VolumeDeps, 'dataDir' | 'clock'>;

/** Not yet stored: insert it with its owner. */
export async function newKeyFor(
  deps: Needs,
  ownerId: string,
  passphrase: Passphrase = newPassphrase(),
): Promise<EncryptionKeyRow> {
  const id = crypto.randomUUID();
  const wrapped = (await openKeyring(deps)).wrap(id, passphrase);
  return { id, owner_id: ownerId, wrapped, created_at: isoTime(deps.clock) };
}

/** Opens with what `key` opens, under an id of its own: for a backup, or for a new owner. */
export async function copyKeyFor(
  deps: Needs,
  ownerId: string,
  key: EncryptionKeyRow,
): Promise<EncryptionKeyRow> {
  return newKeyFor(deps, ownerId, await passphraseIn(deps, key));
}

export async function passphraseIn(
  deps: Pick<Needs, 'dataDir'>,
  { id, wrapped }: EncryptionKeyRow,
): Promise<Passphrase> {
  return (await openKeyring(deps)).unwrap(id, wrapped);
}

/** @throws EncryptionKeyMissing */
export async function passphraseOf(
  deps: Pick<VolumeDeps, 'dataDir'>,
  db: Executor<VolumeTables>,
  ownerId: string,
): Promise<Passphrase> {
  const key = await findKeyOf(db, ownerId);
  if (!key) throw new EncryptionKeyMissing(ownerId);
  return passphraseIn(deps, key);
}
