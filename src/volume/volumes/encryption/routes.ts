// `/volumes/{id}/encryption`: how a volume is encrypted, which compute asks before it attaches one. None is here.
import { Reply, type Call } from '#platform/http/api.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { findVolume } from '../find.ts';

type Facts = Readonly<Record<string, string | null>>;

async function factsOf(call: Call, deps: VolumeDeps): Promise<Facts> {
  await findVolume(call, deps, 'volume_extension:volume_encryption_metadata');
  return { encryption_key_id: null };
}

/** As plain text, which is nothing when the fact is none. */
async function showOne(call: Call, deps: VolumeDeps): Promise<Reply> {
  const facts = await factsOf(call, deps);
  const key = call.params['key'] ?? '';
  if (!Object.hasOwn(facts, key)) throw new ResourceNotFound('Encryption item', key.slice(0, 255));
  return new Reply(200, facts[key] ?? '', { 'content-type': 'text/plain' });
}

const path = '/volumes/:id/encryption';

export const volumeEncryptionRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: factsOf },
  { method: 'GET', path: `${path}/:key`, handler: showOne },
];
