// Rows of the volume service's microversions that concern what this cloud does not have (docs/limits.md).
import assert from 'node:assert/strict';
import { message, noPath, NOBODY, type Row } from './row.ts';

const absent = (version: Row['version'], change: string, check: Row['check']): Row => ({
  version,
  change,
  proof: 'absent',
  check,
});
export const absentRows: readonly Row[] = [
  absent(
    '3.6',
    'consistency groups with empty names',
    noPath(['PUT', `/consistencygroups/${NOBODY}/update`, {}]),
  ),
  absent('3.38', 'replication of groups, but for its status, which is disabled', async ({ below, from }) => {
    const body = { enable_replication: {} };
    for (const client of [below, from])
      assert.equal((await client.send('POST', `/groups/${NOBODY}/action`, body, 'admin')).status, 400);
  }),
  absent('3.64', 'key of encrypted volumes: none is', async ({ below, from, world }) => {
    for (const client of [below, from]) {
      assert.equal('encryption_key_id' in (await client.get(`/volumes/${world.volume}`)).volume, false);
      assert.equal('encryption_key_id' in (await client.get(`/backups/${world.backup}`)).backup, false);
    }
  }),
  absent('3.70', 'transfer of encrypted volumes: none can be made', async ({ below, from, world }) => {
    const name = world.unique('encrypted');
    const { body } = await from.send('POST', '/types', { volume_type: { name } }, 'admin');
    const encryption = { provider: 'luks' };
    await from.send('POST', `/types/${body.volume_type.id}/encryption`, { encryption }, 'admin');
    for (const client of [below, from]) {
      const answer = await client.send('POST', '/volumes', { volume: { size: 1, volume_type: name } });
      assert.equal(answer.status, 400);
      assert.match(message(answer), /encrypt/i);
    }
  }),
];
