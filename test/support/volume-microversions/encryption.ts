// Rows of the volume service's microversions about encrypted volumes.
import assert from 'node:assert/strict';
import { message, shown, statuses, type Row } from './row.ts';
import type { World } from './world.ts';

async function encryptedVolume(world: World): Promise<string> {
  const admin = world.at(70);
  const name = world.unique('encrypted');
  const { body } = await admin.send('POST', '/types', { volume_type: { name } }, 'admin');
  const encryption = { provider: 'luks', cipher: 'aes-xts-plain64', key_size: 256 };
  await admin.send('POST', `/types/${body.volume_type.id}/encryption`, { encryption }, 'admin');
  return world.newVolume({ volume_type: name });
}

export const encryptionRows: readonly Row[] = [
  {
    version: '3.64',
    change: 'key of encrypted volumes and of their backups',
    proof: 'steps',
    check: async (step) => {
      const { from, world } = step;
      const volume = await encryptedVolume(world);
      await shown(() => `/volumes/${volume}`, 'volume', 'encryption_key_id')(step);
      const { body } = await from.send('POST', '/backups', { backup: { volume_id: volume } });
      await world.settled(`/backups/${body.backup.id}`, 'available');
      await shown(() => `/backups/${body.backup.id}`, 'backup', 'encryption_key_id')(step);
      const plain = (await from.get(`/volumes/${world.volume}`)).volume;
      assert.equal('encryption_key_id' in plain, false, 'of one that is not encrypted');
    },
  },
  {
    version: '3.70',
    change: 'transfer of encrypted volumes',
    proof: 'steps',
    check: async (step) => {
      const volume_id = await encryptedVolume(step.world);
      const transfer = { volume_id };
      const refused = await step.below.send('POST', '/os-volume-transfer', { transfer });
      assert.match(message(refused), /encrypt/i);
      await statuses(step, [400, 202], 'POST', '/os-volume-transfer', { transfer });
    },
  },
];
