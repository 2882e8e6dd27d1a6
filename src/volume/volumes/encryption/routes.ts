// `/volumes/{id}/encryption`: how a volume is encrypted, which compute asks before it attaches one. Never the key itself.
import { Reply, type Call } from '#platform/http/api.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { findEncryption } from '#volume/types/encryption/store.ts';
import { findVolume } from '../find.ts';

type Facts = Readonly<Record<string, string | number | null>>;

/** Of a volume that is not encrypted there is the key alone, which is none: as upstream answers it. */
async function factsOf(call: Call, deps: VolumeDeps): Promise<Facts> {
  const { volume, encryptionKeyId } = await findVolume(
    call,
    deps,
    'volume_extension:volume_encryption_metadata',
  );
  if (volume.encrypted === 0) return { encryption_key_id: null };
  const row = await findEncryption(deps.db.kysely, volume.volume_type_id ?? '');
  return {
    encryption_key_id: encryptionKeyId ?? null,
    provider: row?.provider ?? null,
    cipher: row?.cipher ?? null,
    key_size: row?.key_size ?? null,
    control_location: row?.control_location ?? null,
  };
}

/** As plain text, which is nothing when the fact is none. */
async function showOne(call: Call, deps: VolumeDeps): Promise<Reply> {
  const facts = await factsOf(call, deps);
  const key = call.params['key'] ?? '';
  if (!Object.hasOwn(facts, key)) throw new ResourceNotFound('Encryption item', key.slice(0, 255));
  return new Reply(200, String(facts[key] ?? ''), { 'content-type': 'text/plain' });
}

const path = '/volumes/:id/encryption';

export const volumeEncryptionRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: factsOf },
  { method: 'GET', path: `${path}/:key`, handler: showOne },
];
