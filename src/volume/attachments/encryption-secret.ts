// What opens an encrypted volume, for the host that the volume is exported to. Told to services alone, which give it to their
// hypervisors: no rule tells it to a tenant or an administrator, and no answer of any other route holds it.
import { Reply, type Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume, ResourceNotFound } from '#volume/errors.ts';
import { passphraseIn } from '#volume/keys/keys.ts';
import { findKeyOf } from '#volume/keys/store.ts';
import { findAttachment } from './find.ts';

/** @throws InvalidVolume while the volume is exported to nobody, ResourceNotFound for one that is not encrypted */
export async function showEncryptionSecret(call: Call, deps: VolumeDeps): Promise<Reply> {
  const { id, volume_id, connector_json } = await findAttachment(
    call,
    deps,
    'volume:attachment_encryption_secret',
  );
  if (connector_json === null) throw new InvalidVolume(`attachment ${id} has no connector.`);
  const key = await findKeyOf(deps.db.kysely, volume_id);
  if (!key) throw new ResourceNotFound('Encryption key of attachment', id);
  const passphrase = await passphraseIn(deps, key);
  const body = {
    encryption_secret: { encryption_key_id: key.id, passphrase: passphrase.toString('latin1') },
  };
  return new Reply(200, body, { 'cache-control': 'no-store' });
}
